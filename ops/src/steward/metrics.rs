//! What the steward measures.

use runtime::metrics::{Metric, Unit};

/// By `sink`.
pub(super) const GAPS: Metric =
    Metric::gauge("steward_gaps", Unit::Count, "Streams of which versions are missing, by projection and generation.");
/// By `sink`.
pub(super) const PARKED: Metric =
    Metric::gauge("steward_parked", Unit::Count, "Streams that wait for an operator, by projection and generation.");
pub(super) const OLDEST_GAP_SECONDS: Metric = Metric::gauge(
    "steward_oldest_gap_seconds",
    Unit::Seconds,
    "For how long the steward has been trying to heal its oldest gap; alarm on this.",
);
/// By `cause`: `gap` or `tail`.
pub(super) const REPUBLISHED: Metric = Metric::counter(
    "steward_republished_total",
    Unit::Count,
    "Streams that the steward had published again, by cause.",
);
pub(super) const SUSPECTS: Metric =
    Metric::gauge("steward_suspects", Unit::Count, "Streams whose views are behind what was published.");
/// By `topic`.
pub(super) const RECORDS: Metric =
    Metric::gauge("steward_topic_records", Unit::Count, "Records that a topic held when it was last looked at.");
pub(super) const LOST_LOGS: Metric = Metric::counter(
    "steward_lost_logs_total",
    Unit::Count,
    "Times that a topic held less than was published into it, and was filled again.",
);
pub(super) const DIVERGED: Metric = Metric::gauge(
    "steward_diverged_streams",
    Unit::Count,
    "Streams of which the views show what MongoDB does not have; alarm on any.",
);

/// By `projection`.
pub(super) const DRIFT: Metric = Metric::counter(
    "projection_drift_total",
    Unit::Count,
    "Documents that were found not to show what their events come to, each once until it is right again; alarm on any.",
);

/// Every metric of the steward.
pub(super) const METRICS: &[Metric] =
    &[GAPS, PARKED, OLDEST_GAP_SECONDS, REPUBLISHED, SUSPECTS, RECORDS, LOST_LOGS, DIVERGED, DRIFT];

pub(super) fn count(number: usize) -> f64 {
    u32::try_from(number).unwrap_or(u32::MAX).into()
}
