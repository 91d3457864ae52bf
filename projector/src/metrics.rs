//! What the projector measures.

use runtime::metrics::{Metric, Unit};

/// By `projection` and `outcome`: `applied`, `duplicate` (not newer than the view), `gap` (a version is missing), `parked`
/// (the stream cannot take it, and waits) or `behind_parked` (the stream waits already).
pub(crate) const EVENTS: Metric =
    Metric::counter("projector_events_total", Unit::Count, "Events read, by projection and what became of them.");
/// By `projection` and `outcome`: `done`, `refused`, `stale` or `full`.
pub(crate) const BATCHES: Metric =
    Metric::counter("projector_batches_total", Unit::Count, "Batches, by projection and the read model's answer.");
/// By `projection`.
pub(crate) const BATCH_SECONDS: Metric =
    Metric::histogram("projector_batch_seconds", Unit::Seconds, "From a batch's records in hand to its views stored.");
/// By `projection`.
pub(crate) const APPLY_SECONDS: Metric = Metric::histogram(
    "projector_apply_seconds",
    Unit::Seconds,
    "From the time of a batch's newest event until its views are stored.",
);
/// By `projection` and `generation`.
pub(crate) const LAG_SECONDS: Metric = Metric::gauge(
    "projection_lag_seconds",
    Unit::Seconds,
    "How long ago the slowest partition of this process was at the end of its log; a second or two when all is well.",
);
/// By `projection`.
pub(crate) const STOPPED: Metric =
    Metric::gauge("projector_stopped_partitions", Unit::Count, "Partitions that do not go on; readiness says why.");
/// By `projection` and `generation`; every projector says the same.
pub(crate) const PARKED: Metric = Metric::gauge(
    "projection_parked_streams",
    Unit::Count,
    "Streams that wait because an event of theirs could not be decoded or applied; see `ops parked ls`.",
);
/// By `projection`.
pub(crate) const LOG_CHANGED: Metric = Metric::counter(
    "projector_log_changed_total",
    Unit::Count,
    "Partitions whose log turned out to be another one; each is read again from its start.",
);

/// Every metric of the projector, for the documentation.
pub const METRICS: &[Metric] =
    &[EVENTS, BATCHES, BATCH_SECONDS, APPLY_SECONDS, LAG_SECONDS, STOPPED, PARKED, LOG_CHANGED];
