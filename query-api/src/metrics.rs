//! The query API's metrics.

use runtime::metrics::{Metric, Unit};

/// Every metric of this process.
pub(crate) const METRICS: &[Metric] = &[WAIT_SECONDS, BEHIND];

/// Recorded for questions that carry a consistency token.
pub(crate) const WAIT_SECONDS: Metric = Metric::histogram(
    "query_consistency_wait_seconds",
    Unit::Seconds,
    "How long a question with a consistency token waited for the projection, the reading included.",
);

/// Counts refusals, not waits.
pub(crate) const BEHIND: Metric = Metric::counter(
    "query_projection_behind_total",
    Unit::Count,
    "Questions refused because the projection did not reach their consistency token in time.",
);
