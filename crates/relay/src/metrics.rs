//! What a relay measures.

use runtime::metrics::{Metric, Unit};

pub(crate) const PUBLISHED: Metric =
    Metric::counter("relay_published_total", Unit::Count, "Events that the log acknowledged, repetitions included.");
pub(crate) const REPUBLISHED: Metric = Metric::counter(
    "relay_republished_total",
    Unit::Count,
    "Events that the log acknowledged once more, because somebody asked for it.",
);
pub(crate) const OLDEST_MARK_SECONDS: Metric = Metric::gauge(
    "relay_oldest_mark_seconds",
    Unit::Seconds,
    "How long the oldest unpublished commit of any lane has been waiting; alarm on this.",
);
pub(crate) const ROUND_SECONDS: Metric =
    Metric::histogram("relay_round_seconds", Unit::Seconds, "One round that published something.");
pub(crate) const LANES: Metric = Metric::gauge("relay_lanes", Unit::Count, "Lanes that this relay publishes, of 64.");
pub(crate) const STOPPED_STREAMS: Metric = Metric::gauge(
    "relay_stopped_streams",
    Unit::Count,
    "Streams of the last round of which an event could not be published.",
);

/// Every metric of this crate.
pub const METRICS: &[Metric] = &[PUBLISHED, REPUBLISHED, OLDEST_MARK_SECONDS, ROUND_SECONDS, LANES, STOPPED_STREAMS];
