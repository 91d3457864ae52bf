//! Gaps: a reader saw a version before the one before it, and waits. The stream is published again from the version
//! that is missing to its head, until the reader has the highest version that it saw. Parked streams wait for somebody
//! else.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use read_model::{Gap, Sink};
use runtime::backoff::Backoff;
use runtime::clock::{self, Instant};
use schemas::{StreamId, Version};

use super::{Links, metrics};
use crate::Error;
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

/// Every gap that is not parked.
async fn missing(links: &Links) -> Result<BTreeMap<StreamId, Missing>, Error> {
    let mut missing: BTreeMap<StreamId, Missing> = BTreeMap::new();
    let views = shown(&links.read_model).await?;
    for sink in views.iter().map(Shown::sink).chain([Sink::Feeds]) {
        let survey = links.read_model.survey(sink).await?;
        let name = sink.to_string();
        ::metrics::gauge!(metrics::GAPS.name, "sink" => name.clone()).set(metrics::count(survey.gaps.len()));
        ::metrics::gauge!(metrics::PARKED.name, "sink" => name).set(metrics::count(survey.parked.len()));
        for Gap { stream, highest } in survey.gaps.into_iter().filter(|gap| !survey.parked.contains(&gap.stream)) {
            let entry = missing.entry(stream).or_insert(Missing { sinks: Vec::new(), highest });
            entry.sinks.push(sink);
            entry.highest = entry.highest.max(highest);
        }
    }
    Ok(missing)
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
