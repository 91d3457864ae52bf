//! What a reader has not read yet, and for how long the first record of it has been lying in the log: the log itself knows
//! when that was written.

use std::collections::BTreeMap;
use std::time::Duration;

use bus::KafkaConfig;
use bus::inventory::Held;
use bus::log::{End, GroupPositions, Log, Span};
use runtime::clock;

/// How long the log may take to show the first records.
const PATIENCE: Duration = Duration::from_secs(3);

/// What lies in a partition behind this position.
pub(super) fn behind(partition: i32, position: i64, held: Held) -> Span {
    let until = held.end;
    Span { partition, from: position.clamp(held.start, until), until }
}

/// What a group has not read of a topic, by its own notes in Kafka. Where it noted nothing, it has read nothing.
pub(super) async fn of_group(
    kafka: &KafkaConfig,
    group: &str,
    topic: &str,
    held: &[Held],
) -> Result<Vec<Span>, bus::Error> {
    let all: Vec<_> = (0..).zip(held).map(|(partition, held)| behind(partition, held.start, *held)).collect();
    let noted = GroupPositions::of(kafka, group, topic)?.now(&all).await?;
    let unread = all.iter().zip(held).map(|(Span { partition, from, .. }, held)| {
        behind(*partition, noted.get(partition).copied().unwrap_or(*from), *held)
    });
    Ok(unread.collect())
}

/// For how many seconds the first record of each of these spans has been there; nothing of those that are empty.
pub(super) async fn waiting(
    kafka: &KafkaConfig,
    topic: &str,
    unread: &[Span],
) -> Result<BTreeMap<i32, i64>, bus::Error> {
    let mut waiting = BTreeMap::new();
    let firsts = unread.iter().filter(|span| span.from < span.until).map(|span| Span { until: span.from + 1, ..*span });
    let firsts: Vec<_> = firsts.collect();
    if firsts.is_empty() {
        return Ok(waiting);
    }
    let Some(mut log) = Log::open(kafka, topic).await? else { return Ok(waiting) };
    log.read(&firsts, End::OfSpans).await?;
    let begun = clock::monotonic();
    while begun.elapsed() < PATIENCE
        && let Some(records) = log.next().await?
    {
        let now = clock::now_micros();
        waiting.extend(records.iter().filter_map(|logged| {
            let written = logged.record.written?;
            Some((logged.record.partition, (now - written.as_micros()).max(0) / 1_000_000))
        }));
    }
    Ok(waiting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_unread_that_is_not_there() {
        let held = Held { start: 10, end: 20 };
        let unread = |position| behind(3, position, held).records();
        assert_eq!([0, 10, 17, 20, 25].map(unread), [10, 10, 3, 0, 0]);
    }
}
