//! Gaps: a reader saw a version before the one before it, and waits. The stream is published again from the version
//! that is missing to its head, until the reader has the highest version that it saw. Parked streams wait for somebody
//! else, and who fills a generation may find further on in the log what it misses.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use read_model::{Gap, Sink, Survey};
use runtime::backoff::Backoff;
use runtime::clock::{self, Instant};
use schemas::{StreamId, Version};

use super::{Links, metrics};
use crate::Error;
use crate::ends::{keeps_up, now_ms, source_of};
use crate::shown::{Shown, shown};

const EVERY: Duration = Duration::from_secs(2);
/// Streams that are healed in one pass: their events come before new ones of their lanes.
const MOST: usize = 200;
const FIRST_RETRY: Duration = Duration::from_secs(4);
const LAST_RETRY: Duration = Duration::from_secs(60);

/// What is missing of a stream, over all readers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Missing {
    /// Who misses it.
    sinks: Vec<Sink>,
    /// The highest version that one of them saw.
    highest: Version,
}

/// When a stream may be published again.
#[derive(Debug)]
struct Wait {
    since: Instant,
    next: Instant,
    backoff: Backoff,
}

/// The streams that were published again, and are not whole yet.
type Waits = BTreeMap<StreamId, Wait>;

/// Heals gaps until shutdown.
pub(super) async fn heal(links: Links) -> Result<(), Infallible> {
    links.repeat(EVERY, Waits::new(), pass).await
}

async fn pass(links: &Links, waits: &mut Waits) -> Result<(), Error> {
    let missing = missing(links).await?;
    waits.retain(|stream, _| missing.contains_key(stream));
    let oldest = waits.values().map(|wait| wait.since.elapsed()).max().unwrap_or_default();
    metrics::OLDEST_GAP_SECONDS.set(oldest.as_secs_f64());
    let now = clock::monotonic();
    let due = missing.into_iter().filter(|(stream, _)| waits.get(stream).is_none_or(|wait| wait.next <= now));
    let due: Vec<_> = due.take(MOST).collect();
    let mut healed = Ok(());
    for (stream, missing) in due {
        if links.alarm.is_raised() {
            break;
        }
        // One that cannot be healed keeps none behind it from being.
        healed = healed.and(heal_one(links, &stream, &missing).await);
        let backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
        let wait = waits.entry(stream).or_insert_with(|| Wait { since: now, next: now, backoff });
        wait.next = clock::monotonic() + wait.backoff.next();
    }
    healed
}

/// Every gap that somebody has to heal.
async fn missing(links: &Links) -> Result<BTreeMap<StreamId, Missing>, Error> {
    let mut missing: BTreeMap<StreamId, Missing> = BTreeMap::new();
    let views = shown(&links.read_model).await?;
    for view in views.iter().map(Some).chain([None]) {
        let sink = view.map_or(Sink::Feeds, Shown::sink);
        let survey = links.read_model.survey(sink).await?;
        let name = sink.to_string();
        ::metrics::gauge!(metrics::GAPS.name, "sink" => name.clone()).set(metrics::count(survey.gaps.len()));
        ::metrics::gauge!(metrics::PARKED.name, "sink" => name).set(metrics::count(survey.parked.len()));
        for Gap { stream, highest } in survey.gaps.iter().filter(|gap| is_to_heal(gap, view, &survey, now_ms())) {
            let entry = missing.entry(stream.clone()).or_insert(Missing { sinks: Vec::new(), highest: *highest });
            entry.sinks.push(sink);
            entry.highest = entry.highest.max(*highest);
        }
    }
    Ok(missing)
}

/// Whether what is missing will not come by itself: the stream is not parked, and the log was read to its end. That is
/// certain but for generations beside the live one, which may be on their way there, or be read by nobody any more. Without a
/// view it is a gap of the feeds.
fn is_to_heal(gap: &Gap, view: Option<&Shown>, survey: &Survey, now_ms: i64) -> bool {
    let goes_along = || survey.at_end_ms.get(&source_of(&gap.stream)).is_some_and(|at_ms| keeps_up(*at_ms, now_ms));
    !survey.parked.contains(&gap.stream) && (view.is_none_or(|view| view.live) || goes_along())
}

async fn heal_one(links: &Links, stream: &StreamId, missing: &Missing) -> Result<(), Error> {
    let mut from = missing.highest;
    for sink in &missing.sinks {
        let reached = links.read_model.reached(*sink, std::slice::from_ref(stream)).await?;
        from = reached.iter().map(|reached| reached.version.next()).fold(from, Ord::min);
    }
    let head = links.republisher.heads(std::slice::from_ref(stream)).await?.pop().flatten();
    let head = head.map_or(Version::NONE, |head| head.version);
    if head < missing.highest {
        links.alarm.raise(stream, &format!("{stream} was seen at version {}, MongoDB has {head}", missing.highest));
        return Ok(());
    }
    let extent = links.republisher.stream(stream, from).await?;
    ::metrics::counter!(metrics::REPUBLISHED.name, "cause" => "gap").increment(1);
    tracing::warn!(
        stream = stream.as_str(),
        events = extent.events,
        "{stream} has a gap: published again from version {from} to {head}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use read_model::{Generation, Target};
    use schemas::OrderId;
    use views::Projection;

    use super::*;

    const NOW_MS: i64 = 100_000;

    /// Whether a gap is healed that is in a view of this kind, whose projector was last at the end at this time.
    fn check(live: Option<bool>, at_end_ms: Option<i64>) -> bool {
        let stream = OrderId::from_bits(1).stream().clone();
        let target = Target { projection: Projection::Orders.name(), generation: Generation(2) };
        let view = live.map(|live| Shown { projection: Projection::Orders, target, live });
        let at_end_ms = at_end_ms.map(|at_ms| (source_of(&stream), at_ms)).into_iter().collect();
        let survey = Survey { at_end_ms, ..Survey::default() };
        is_to_heal(&Gap { stream, highest: Version(3) }, view.as_ref(), &survey, NOW_MS)
    }

    #[test]
    fn a_gap_of_a_generation_that_is_being_filled_is_healed_once_its_log_was_read_to_the_end() {
        assert!(!check(Some(false), None) && !check(Some(false), Some(0)), "the log may have it further on");
        assert!(!check(Some(false), Some(NOW_MS - 60_000)), "nobody reads it any more");
        assert!(check(Some(false), Some(NOW_MS - 59_999)));
        assert!(check(Some(true), Some(0)), "readers wait for it");
        assert!(check(None, None), "the feeds do not tell");
    }

    #[test]
    fn a_gap_of_a_parked_stream_waits_for_somebody_else() {
        let stream = OrderId::from_bits(1).stream().clone();
        let survey = Survey { parked: [stream.clone()].into(), ..Survey::default() };
        assert!(!is_to_heal(&Gap { stream, highest: Version(3) }, None, &survey, NOW_MS));
    }
}
