//! History: whatever a view shows was committed. A view that is ahead of MongoDB, or shows another event as the last one,
//! was made from commits that MongoDB no longer has: it was restored to an earlier point.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use event_store::Head;
use read_model::{Generation, Reached, Sink, Target};
use runtime::clock;
use schemas::{StreamId, Version};
use views::Projection;

use super::{Links, rest_from};
use crate::Error;
use crate::shown::{Shown, shown};

/// Between two steps of the look at everything, at least.
const STEP: Duration = Duration::from_secs(1);

/// What was found wrong, by stream.
type Findings = BTreeMap<StreamId, String>;

/// Compares the views with MongoDB until shutdown; everything, again and again.
pub(super) async fn compare(links: Links) -> Result<(), Infallible> {
    let mut pause = Duration::ZERO;
    while links.during(tokio::time::sleep(pause)).await.is_some() {
        pause = match links.during(everything(&links)).await {
            Some(Ok(findings)) => {
                links.alarm.settle(findings);
                links.rest
            }
            // Health tells which server is away; what was found so far stays found.
            Some(Err(_)) | None => STEP,
        };
    }
    Ok(())
}

async fn everything(links: &Links) -> Result<Findings, Error> {
    let (mut findings, mut cursor) = (Findings::new(), 0);
    loop {
        let begun = clock::monotonic();
        let (next, found) = links.read_model.documents_from(cursor).await?;
        step(links, found, &mut findings).await?;
        if next == 0 {
            break;
        }
        cursor = next;
        tokio::time::sleep(STEP.max(rest_from(begun))).await;
    }
    for sink in shown(&links.read_model).await?.iter().map(Shown::sink) {
        let gaps = links.read_model.survey(sink).await?.gaps;
        let seen: Vec<_> = gaps.into_iter().map(|gap| (gap.stream, gap.highest)).collect();
        let reached = seen.iter().map(|(_, highest)| Reached { version: *highest, event: None }).collect();
        let streams = seen.into_iter().map(|(stream, _)| stream).collect();
        judge(links, sink, (streams, reached), &mut findings).await?;
    }
    Ok(findings)
}

async fn step(links: &Links, found: Vec<(String, Generation, StreamId)>, findings: &mut Findings) -> Result<(), Error> {
    let mut by_sink: BTreeMap<(Projection, Generation), BTreeSet<StreamId>> = BTreeMap::new();
    for (projection, generation, stream) in found {
        if let Some(projection) = Projection::named(&projection) {
            by_sink.entry((projection, generation)).or_default().insert(stream);
        }
    }
    for ((projection, generation), streams) in by_sink {
        let sink = Sink::Views(Target { projection: projection.name(), generation });
        let streams: Vec<_> = streams.into_iter().collect();
        let reached = links.read_model.reached(sink, &streams).await?;
        judge(links, sink, (streams, reached), findings).await?;
    }
    Ok(())
}

/// Compares what was shown with what MongoDB has now, which must be as much at least.
async fn judge(
    links: &Links,
    sink: Sink,
    (streams, shown): (Vec<StreamId>, Vec<Reached>),
    findings: &mut Findings,
) -> Result<(), Error> {
    let heads = links.republisher.heads(&streams).await?;
    for ((stream, shown), head) in streams.into_iter().zip(shown).zip(heads) {
        if let Some(difference) = difference(&shown, head.as_ref()) {
            let finding = format!("{sink} has {stream} at version {}, {difference}", shown.version);
            links.alarm.raise(&stream, &finding);
            findings.insert(stream, finding);
        }
    }
    Ok(())
}

/// Why what is shown cannot have been made from a stream that ends like this.
fn difference(shown: &Reached, head: Option<&Head>) -> Option<String> {
    let version = head.map_or(Version::NONE, |head| head.version);
    if shown.version > version {
        return Some(format!("MongoDB at {version}"));
    }
    let (head, event) = (head?, shown.event?);
    let other = shown.version == head.version && event != head.event;
    other.then(|| format!("as event {event}, which is {} in MongoDB", head.event))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use schemas::{EventId, OrderId, Timestamp};

    use super::*;

    fn event(number: u8) -> EventId {
        let id = format!("00000000-0000-4000-8000-0000000000{number:02}");
        serde_json::from_value(serde_json::Value::String(id)).unwrap()
    }

    fn check(shown: (u32, Option<u8>), head: Option<(u32, u8)>) -> bool {
        let head = head.map(|(version, number)| Head {
            stream: OrderId::from_bits(1).stream().clone(),
            version: Version(version),
            event: event(number),
            at: Timestamp::from_micros(0),
            published: true,
        });
        let shown = Reached { version: Version(shown.0), event: shown.1.map(event) };
        difference(&shown, head.as_ref()).is_some()
    }

    #[test]
    fn a_view_may_be_behind_but_neither_ahead_nor_of_another_event() {
        assert!(!check((2, Some(2)), Some((3, 3))), "behind");
        assert!(!check((3, Some(3)), Some((3, 3))), "the same");
        assert!(!check((3, None), Some((3, 3))), "the event is not known");
        assert!(check((3, Some(3)), Some((2, 2))), "ahead");
        assert!(check((3, Some(4)), Some((3, 3))), "another event");
        assert!(check((1, Some(1)), None), "MongoDB has nothing");
        assert!(!check((0, None), None), "nobody has anything");
    }
}
