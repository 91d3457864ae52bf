//! When projectors were at the end of their logs: what one of them lacks then will not come by itself.

use std::collections::BTreeMap;

use bus::admin::PARTITIONS;
use event_store::murmur2;
use read_model::Source;
use runtime::clock;
use schemas::StreamId;

/// A partition that was at its end since so long is one that somebody reads, and keeps up with.
const LATELY_MS: i64 = 60_000;
/// Processes whose clocks differ by more than this are ill.
const MARGIN_MS: i64 = 2_000;

/// The partition that a stream's events are in, as every producer of ours and Kafka's own clients choose it.
pub(crate) fn source_of(stream: &StreamId) -> Source {
    let positive = murmur2(stream.as_str().as_bytes()) & 0x7fff_ffff;
    let partition = i32::try_from(positive).unwrap_or_default() % PARTITIONS;
    Source { topic: stream.aggregate().topic().into(), partition }
}

/// Whether the projector of a stream was at the end of its log some time after this.
pub(crate) fn was_at_the_end(at_end_ms: &BTreeMap<Source, i64>, stream: &StreamId, since_ms: i64) -> bool {
    at_end_ms.get(&source_of(stream)).is_some_and(|at| *at > since_ms + MARGIN_MS)
}

/// Whether a partition was at its end so lately that somebody reads it still, and keeps up.
pub(crate) fn keeps_up(at_end_ms: i64, now_ms: i64) -> bool {
    at_end_ms > now_ms - LATELY_MS
}

/// Milliseconds since 1970, as projectors note them.
pub(crate) fn now_ms() -> i64 {
    clock::now_micros().div_euclid(1_000)
}
