//! From raw records to events, or to what keeps a stream from going on.

use bus::{DecodeFailure, Poison, RawRecord};
use read_model::Cause;
use schemas::{AnyEvent, Event, Recorded};
use views::View;

use super::Worker;
use crate::error::Stop;
use crate::read::{Read, Refusal};
use crate::work::Work;

impl<V: View> Worker<V> {
    /// The records as far as they can be read, up to the first that stops the partition.
    pub(super) async fn read(&self, records: &[RawRecord]) -> Work<V::Event> {
        let mut read = Vec::with_capacity(records.len());
        for record in records {
            match self.read_one(record).await {
                Ok(one) => read.push(one),
                Err(stop) => return Work::new(read, Some(stop)),
            }
        }
        Work::new(read, None)
    }

    async fn read_one(&self, record: &RawRecord) -> Result<Read<V::Event>, Stop> {
        let offset = record.offset;
        let mut recorded = match self.links.decoder.decode(record).await {
            Ok(recorded) => recorded,
            Err(failure) => return undecodable(record, failure).map(|refusal| Read::Refused(self.own(refusal))),
        };
        if let Err(source) = self.open(&mut recorded).await {
            return match source {
                vault::Error::NotAuthentic { .. } | vault::Error::NoKey { .. } => {
                    let reason = runtime::chain(&source);
                    let name = recorded.event.name();
                    let sealed = Refusal::of_event(offset, &recorded, name);
                    Ok(Read::Refused(Refusal { cause: Cause::Sealed, reason, ..sealed }))
                }
                vault::Error::MasterKeys(_)
                | vault::Error::Uri { .. }
                | vault::Error::Unavailable { .. }
                | vault::Error::Destroyed { .. }
                | vault::Error::UnknownMaster { .. }
                | vault::Error::Cipher
                | vault::Error::Died(_) => Err(Stop::Vault { offset, stream: recorded.stream, source }),
            };
        }
        Ok(self.event_of(record, recorded))
    }

    /// The event, if it is one of the projection's aggregate.
    fn event_of(&self, record: &RawRecord, recorded: Recorded<AnyEvent>) -> Read<V::Event> {
        let RawRecord { offset, written, .. } = *record;
        let name = recorded.event.name();
        let mut event = None;
        let envelope = recorded.map(|any| event = V::Event::from_any(any));
        match event {
            Some(event) => Read::Event { offset, recorded: envelope.map(|()| event), written },
            None => Read::Refused(self.own(Refusal::of_event(offset, &envelope, name))),
        }
    }

    /// A stream of another aggregate has no versions here that could be missing.
    fn own(&self, refusal: Refusal) -> Refusal {
        let aggregate = V::PROJECTION.aggregate();
        if refusal.stream.aggregate() == aggregate {
            return refusal;
        }
        let reason = format!("{} is no stream of the topic's aggregate", refusal.stream);
        Refusal { version: None, cause: Cause::Foreign, reason, ..refusal }
    }
}

/// What a record that gives no event means for its stream; or a stop, if that may pass, or no stream is named.
fn undecodable(record: &RawRecord, failure: DecodeFailure) -> Result<Refusal, Stop> {
    let (offset, reason) = (record.offset, runtime::chain(&failure));
    let cause = match &failure {
        DecodeFailure::Poison { reason: Poison::UnknownType { .. } } => Some(Cause::UnknownType),
        DecodeFailure::Poison { .. } => Some(Cause::Undecodable),
        DecodeFailure::Unavailable { .. } => None,
    };
    match cause.zip(record.stream().ok()) {
        Some((cause, stream)) => Ok(Refusal {
            stream,
            version: record.version(),
            cause,
            reason,
            event_type: record.event_type().map(str::to_owned),
            event_id: record.event_id(),
            offset,
        }),
        None => {
            let stream = String::from_utf8_lossy(&record.key).into_owned();
            Err(Stop::Undecodable { offset, stream, source: Box::new(failure) })
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use bus::Headers;

    use super::*;

    fn record(key: &str) -> RawRecord {
        let (topic, headers) = ("orders.events.v1".into(), Headers::collect([("ce_sequence", Some(&b"3"[..]))]));
        RawRecord { topic, partition: 0, offset: 5, key: key.into(), value: Vec::new(), headers, written: None }
    }

    #[test]
    fn only_what_never_passes_and_names_a_stream_is_held_against_the_stream() {
        let poison = || DecodeFailure::Poison { reason: Poison::TooLarge { length: 9 } };
        let away = || DecodeFailure::Unavailable { source: bus::Error::RegistryNotAsked };
        let refusal = undecodable(&record("ord_1"), poison()).unwrap();
        assert_eq!((refusal.stream.as_str(), refusal.version, refusal.offset), ("ord_1", Some(schemas::Version(3)), 5));
        for stop in [undecodable(&record("ord_1"), away()), undecodable(&record("lamp"), poison())] {
            assert!(matches!(stop, Err(Stop::Undecodable { offset: 5, .. })), "{stop:?}");
        }
        assert!(undecodable(&record("ord_1"), away()).unwrap_err().is_passing());
    }
}
