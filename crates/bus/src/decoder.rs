//! From a record's bytes to the event. The bytes are untrusted: any of them may be anything, and none makes this panic.

use std::time::Duration;

use runtime::backoff::Backoff;
use schemas::{
    Aggregate, AnyEvent, DecodeError, EventId, InvalidId, Recorded, StreamId, Timestamp, UserId, avro, frame,
};
use uuid::Uuid;

use crate::header::Header;
use crate::registry::Writer;
use crate::{Error, RawRecord, Registry};

/// The largest value that is looked at, in bytes. Ours are checked to be smaller before they are committed.
const MAX_VALUE: usize = 1_048_576;

/// The waits until a schema that could not be had is asked for again.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Decodes records by the schema that they were written with. Clones share the registry's tables.
#[derive(Debug, Clone)]
pub struct Decoder {
    registry: Registry,
}

/// Why a record gives no event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeFailure {
    /// It never will, in this build: trying again changes nothing.
    #[error("the record cannot be decoded")]
    Poison {
        /// What is wrong with it.
        #[source]
        reason: Poison,
    },
    /// Its schema cannot be had now. Trying again is right; the registry's dependency says what is missing.
    #[error("the record's schema cannot be had now")]
    Unavailable {
        /// What the registry said, or did not say.
        source: Error,
    },
}

/// What is wrong with a record.
#[derive(Debug, thiserror::Error)]
pub enum Poison {
    /// The key is not a stream id.
    #[error("its key is not a stream id")]
    Key {
        /// What the parser said.
        source: InvalidId,
    },
    /// A header is missing or is not what it must be.
    #[error("its header {name} is missing or malformed")]
    Header {
        /// The header's name.
        name: &'static str,
    },
    /// The type is not one of the stream's aggregate.
    #[error("its type {full_name} does not belong to streams of {aggregate:?}")]
    ForeignType {
        /// The `ce_type`.
        full_name: String,
        /// The aggregate that its key names.
        aggregate: Aggregate,
    },
    /// This build knows no such event: it is from a newer release, or from elsewhere.
    #[error("this build knows no event {full_name}")]
    UnknownType {
        /// The `ce_type`.
        full_name: String,
    },
    /// The value is larger than any of ours.
    #[error("its value has {length} bytes, more than {MAX_VALUE}")]
    TooLarge {
        /// Its length.
        length: usize,
    },
    /// The value is not framed.
    #[error("its value is not framed")]
    Frame {
        /// What the frame said.
        source: frame::NotFramed,
    },
    /// The registry's schema of this id is another one, and none of the subject's reads the value, or several do.
    #[error("schema {id} is not {full_name}, and {readable} of that subject's schemas read the value")]
    Schema {
        /// The id in the frame.
        id: u32,
        /// The `ce_type`.
        full_name: String,
        /// How many schemas would read it.
        readable: usize,
    },
    /// The datum is not what its schema says.
    #[error("its value does not fit its schema")]
    Value {
        /// What the codec said.
        source: DecodeError,
    },
}

impl From<Poison> for DecodeFailure {
    fn from(reason: Poison) -> Self {
        Self::Poison { reason }
    }
}

impl From<Error> for DecodeFailure {
    fn from(source: Error) -> Self {
        Self::Unavailable { source }
    }
}

impl Decoder {
    /// A decoder over this registry.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        Self { registry: registry.clone() }
    }

    /// The event in this record. Asks the registry only for a schema that no record had before.
    ///
    /// The schema's full name must be the record's `ce_type`. If the registry numbered anew, the frame's id may name
    /// another schema, or another version of the same: then the subject's schemas are tried, and the one that reads the
    /// value to its last byte counts.
    pub async fn decode(&self, record: &RawRecord) -> Result<Recorded<AnyEvent>, DecodeFailure> {
        let sealed = Sealed::open(record)?;
        if let Some(writer) = self.registry.known_writer(sealed.schema_id, sealed.full_name)
            && let Ok(event) = sealed.read(&writer)
        {
            return Ok(sealed.envelope.map(|()| event));
        }
        let event = Box::pin(self.look_up_and_read(&sealed)).await?;
        Ok(sealed.envelope.map(|()| event))
    }

    /// The event in this record, or why it never gives one: waits while its schema cannot be had.
    pub async fn decode_in_time(&self, record: &RawRecord) -> Result<Recorded<AnyEvent>, Poison> {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        loop {
            match self.decode(record).await {
                Ok(recorded) => return Ok(recorded),
                Err(DecodeFailure::Poison { reason }) => return Err(reason),
                Err(DecodeFailure::Unavailable { .. }) => backoff.wait().await,
            }
        }
    }

    /// Whether this build knows events of this type, as `ce_type` names it.
    #[must_use]
    pub fn knows(&self, event_type: &str) -> bool {
        avro::RECORDS.iter().any(|record| record.full_name() == event_type)
    }

    /// The slow path: the schema is not known yet, or what the table said does not read the value.
    async fn look_up_and_read(&self, sealed: &Sealed<'_>) -> Result<AnyEvent, DecodeFailure> {
        self.registry.forget(sealed.schema_id, sealed.full_name);
        let by_id = self.registry.look_up(sealed.schema_id, sealed.full_name).await?;
        // After the registry numbered anew the id may also name another version of the same record.
        let unread = match by_id.map(|writer| sealed.read(&writer)) {
            Some(Ok(event)) => return Ok(event),
            Some(Err(unread)) => Some(unread),
            None => None,
        };
        if avro::record_named(sealed.name).is_none() {
            return Err(sealed.unknown_type().into());
        }
        let subject = format!("{}-{}", sealed.envelope.stream.aggregate().topic(), sealed.full_name);
        let mut readable: Vec<(Writer, AnyEvent)> = Vec::new();
        for writer in self.registry.versions(&subject).await? {
            if let Ok(event) = sealed.read(&writer) {
                readable.push((writer, event));
            }
        }
        let count = readable.len();
        match readable.pop() {
            Some((writer, event)) if count == 1 => {
                self.registry.remember(sealed.schema_id, writer);
                Ok(event)
            }
            _ => {
                let (id, full_name) = (sealed.schema_id, sealed.full_name.to_owned());
                Err(unread.unwrap_or(Poison::Schema { id, full_name, readable: count }).into())
            }
        }
    }
}

/// A record whose envelope was read and whose value was not.
struct Sealed<'a> {
    envelope: Recorded<()>,
    full_name: &'a str,
    name: &'a str,
    schema_id: u32,
    datum: &'a [u8],
}

impl<'a> Sealed<'a> {
    fn open(record: &'a RawRecord) -> Result<Self, Poison> {
        if record.value.len() > MAX_VALUE {
            return Err(Poison::TooLarge { length: record.value.len() });
        }
        let envelope = envelope(record)?;
        let full_name = required(record, Header::Type)?;
        let aggregate = envelope.stream.aggregate();
        let name = full_name.strip_prefix(aggregate.namespace()).and_then(|rest| rest.strip_prefix('.'));
        let Some(name) = name else {
            return Err(Poison::ForeignType { full_name: full_name.to_owned(), aggregate });
        };
        let (schema_id, datum) = frame::split(&record.value).map_err(|source| Poison::Frame { source })?;
        Ok(Self { envelope, full_name, name, schema_id, datum })
    }

    fn read(&self, writer: &Writer) -> Result<AnyEvent, Poison> {
        AnyEvent::from_avro(self.envelope.stream.aggregate(), self.name, &writer.schema, self.datum).map_err(|source| {
            match source {
                DecodeError::UnknownName { .. } => self.unknown_type(),
                DecodeError::Bson { .. }
                | DecodeError::Avro { .. }
                | DecodeError::Json { .. }
                | DecodeError::TrailingBytes { .. } => Poison::Value { source },
            }
        })
    }

    fn unknown_type(&self) -> Poison {
        Poison::UnknownType { full_name: self.full_name.to_owned() }
    }
}

fn envelope(record: &RawRecord) -> Result<Recorded<()>, Poison> {
    let stream: StreamId = record.stream().map_err(|source| Poison::Key { source })?;
    let owner = match record.headers.text(Header::Owner) {
        Some(text) => Some(UserId::parse(text).map_err(|_| malformed(Header::Owner))?),
        None => None,
    };
    Ok(Recorded {
        version: record.version().ok_or(malformed(Header::Sequence))?,
        id: parsed(record, Header::Id, |text| Uuid::try_parse(text).ok().map(EventId))?,
        at: parsed(record, Header::Time, time)?,
        correlation: record.headers.text(Header::Correlation).unwrap_or_default().into(),
        causation: record.headers.text(Header::Causation).map(Into::into),
        traceparent: record.headers.text(Header::Traceparent).map(Into::into),
        stream,
        owner,
        event: (),
    })
}

fn time(text: &str) -> Option<Timestamp> {
    let instant: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_micros(instant.as_microsecond()))
}

fn required(record: &RawRecord, header: Header) -> Result<&str, Poison> {
    record.headers.text(header).ok_or_else(|| malformed(header))
}

fn parsed<'a, T>(record: &'a RawRecord, header: Header, parse: impl FnOnce(&'a str) -> Option<T>) -> Result<T, Poison> {
    parse(required(record, header)?).ok_or_else(|| malformed(header))
}

const fn malformed(header: Header) -> Poison {
    Poison::Header { name: header.name() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;
    use schemas::{Event as _, UserErased, UserEvent, UserId};

    use super::*;
    use crate::header::Headers;

    fn record(key: &[u8], value: Vec<u8>, headers: &[(Header, &[u8])]) -> RawRecord {
        let headers = Headers::collect(headers.iter().map(|(header, value)| (header.name(), Some(*value))));
        RawRecord { topic: "t".into(), partition: 0, offset: 0, key: key.to_vec(), value, headers, written: None }
    }

    fn whole(name: &str, value: Vec<u8>) -> RawRecord {
        let known = avro::record_named(name).unwrap();
        let id = Uuid::nil().to_string();
        let key = format!("{}1", known.aggregate.prefix());
        let full_name = known.full_name();
        let headers: [(Header, &[u8]); 4] = [
            (Header::Id, id.as_bytes()),
            (Header::Type, full_name.as_bytes()),
            (Header::Time, b"2023-11-14T22:13:20Z"),
            (Header::Sequence, b"1"),
        ];
        record(key.as_bytes(), value, &headers)
    }

    fn writer(name: &str) -> Writer {
        Writer::parse(avro::record_named(name).unwrap().avsc).unwrap()
    }

    fn any_name() -> impl Strategy<Value = &'static str> {
        (0..avro::RECORDS.len()).prop_map(|index| avro::RECORDS[index].name)
    }

    proptest! {
        #[test]
        fn no_bytes_in_any_part_of_a_record_make_the_decoder_panic(
            key in any::<Vec<u8>>(),
            value in any::<Vec<u8>>(),
            headers in prop::collection::vec((0..Header::ALL.len(), any::<Vec<u8>>()), 0..16),
            name in any_name(),
        ) {
            let headers: Vec<_> = headers.iter().map(|(index, value)| (Header::ALL[*index], value.as_slice())).collect();
            let record = record(&key, value, &headers);
            let read = Sealed::open(&record).map(|sealed| sealed.read(&writer(name)).is_ok());
            prop_assert!(read.is_err(), "a key of random bytes is not a stream id");
        }

        #[test]
        fn no_datum_makes_the_decoder_panic(datum in any::<Vec<u8>>(), name in any_name(), other in any_name()) {
            let record = whole(name, frame::wrap(1, &datum));
            let sealed = Sealed::open(&record).unwrap();
            let _either = (sealed.read(&writer(name)), sealed.read(&writer(other)));
        }

        #[test]
        fn a_datum_that_was_cut_or_lengthened_is_refused(cut in 0..100_usize, more in prop::collection::vec(any::<u8>(), 1..9)) {
            let event = UserEvent::Erased(UserErased { erased_by: UserId::from_bits(7) }).into_any();
            let datum = event.to_avro(&avro::record_named(event.name()).unwrap().schema).unwrap();
            let read = |datum: &[u8]| {
                let record = whole("UserErased", frame::wrap(1, datum));
                Sealed::open(&record).unwrap().read(&writer("UserErased")).ok()
            };
            prop_assert_eq!(read(&datum), Some(event));
            prop_assert_eq!(read(&datum[..cut % datum.len()]), None);
            prop_assert_eq!(read(&[datum.as_slice(), more.as_slice()].concat()), None);
        }

        #[test]
        fn a_length_that_the_datum_does_not_have_allocates_nothing(length in (1_i64 << 20)..i64::MAX) {
            let zigzag = length.wrapping_shl(1);
            let mut datum = Vec::new();
            let mut rest = u64::from_ne_bytes(zigzag.to_ne_bytes());
            while rest > 0x7f {
                datum.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
                rest >>= 7;
            }
            datum.push(u8::try_from(rest).unwrap());
            // First field of OrderPlaced is a string, second an array: both claim this length.
            for claim in [datum.clone(), [&[2, b'x'], datum.as_slice()].concat()] {
                let record = whole("OrderPlaced", frame::wrap(1, &claim));
                prop_assert!(Sealed::open(&record).unwrap().read(&writer("OrderPlaced")).is_err());
            }
        }
    }

    #[test]
    fn a_value_that_is_too_large_is_not_looked_at() {
        let record = whole("OrderPlaced", vec![0; MAX_VALUE + 1]);
        assert!(matches!(Sealed::open(&record), Err(Poison::TooLarge { .. })));
    }
}
