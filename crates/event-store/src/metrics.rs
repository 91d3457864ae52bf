//! What the store measures.

use runtime::metrics::{Metric, Unit};

pub(crate) const APPEND_SECONDS: Metric = Metric::histogram(
    "event_store_append_seconds",
    Unit::Seconds,
    "From handing a commit over until its answer, or until the wait was given up.",
);
pub(crate) const BATCH_SECONDS: Metric =
    Metric::histogram("event_store_batch_seconds", Unit::Seconds, "One attempt to write a batch of commits.");
pub(crate) const BATCH_COMMITS: Metric =
    Metric::counter("event_store_batch_commits_total", Unit::Count, "Commits sent, repetitions included.");
pub(crate) const RESENT: Metric = Metric::counter(
    "event_store_resent_commits_total",
    Unit::Count,
    "Commits sent again because the outcome of an attempt was unknown.",
);
pub(crate) const OUTBOX_READ: Metric =
    Metric::counter("event_store_outbox_read_total", Unit::Count, "Marked commits read from the outbox.");

/// Every metric of this crate.
pub const METRICS: &[Metric] = &[APPEND_SECONDS, BATCH_SECONDS, BATCH_COMMITS, RESENT, OUTBOX_READ];

pub(crate) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
