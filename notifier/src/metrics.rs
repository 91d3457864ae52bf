//! The notifier's metrics.

use std::time::Duration;

use runtime::metrics::{Metric, Unit};

use crate::audience::Audience;

/// Events that entered a feed.
pub(crate) const FED: Metric = Metric::counter("notifier_events_fed_total", Unit::Count, "Events that entered a feed.");
/// Events that entered no feed. Label: reason (duplicate, unfed, gap, parked).
pub(crate) const PASSED: Metric = Metric::counter(
    "notifier_events_passed_total",
    Unit::Count,
    "Events that entered no feed, by reason: known already, too old or nobody's, behind a gap or of a parked stream, or \
     not to be decoded.",
);
/// From an event's time to its place in the feed.
pub(crate) const FEED_SECONDS: Metric =
    Metric::histogram("notifier_feed_seconds", Unit::Seconds, "From an event's time until its feed holds it.");
/// How far the feeds are behind.
pub(crate) const FEED_LAG_SECONDS: Metric = Metric::gauge(
    "notifier_feed_lag_seconds",
    Unit::Seconds,
    "How long ago the slowest partition of this process was at the end of its log; a second or two when all is well.",
);
/// Open connections. Labels: kind (websocket, events), audience (owner, catalogue, operators).
pub(crate) const CONNECTIONS: Metric =
    Metric::gauge("notifier_connections", Unit::Count, "Open connections, by kind and audience.");
/// Ended connections. Label: reason.
pub(crate) const CLOSED: Metric =
    Metric::counter("notifier_connections_closed_total", Unit::Count, "Connections that ended, by reason.");
/// Frames written.
pub(crate) const FRAMES: Metric = Metric::counter("notifier_frames_total", Unit::Count, "Frames written to clients.");
/// Events of which it is not known when they were first written to a screen.
pub(crate) const UNNOTED: Metric = Metric::counter(
    "notifier_screens_unnoted_total",
    Unit::Count,
    "Events that were written to a screen, and of which `ops explain` does not know when: Redis was away or slow.",
);
/// Slow clients that got snapshots instead of events.
pub(crate) const CONFLATIONS: Metric = Metric::counter(
    "notifier_conflations_total",
    Unit::Count,
    "Times that a slow client was told latest states instead of events.",
);
/// States on boards. Label: audience (catalogue, operators).
pub(crate) const BOARD_STATES: Metric = Metric::gauge(
    "notifier_board_states",
    Unit::Count,
    "States that are kept for those who watch the catalogue, or what operators watch, by audience.",
);
/// New states on boards. Label: audience (catalogue, operators).
pub(crate) const BOARD_NEWS: Metric = Metric::counter(
    "notifier_board_news_total",
    Unit::Count,
    "States that took the place of older ones before those who watch, by audience.",
);

/// All of them.
pub const METRICS: &[Metric] = &[
    FED,
    PASSED,
    FEED_SECONDS,
    FEED_LAG_SECONDS,
    CONNECTIONS,
    CLOSED,
    FRAMES,
    UNNOTED,
    CONFLATIONS,
    BOARD_STATES,
    BOARD_NEWS,
];

/// So many events entered no feed, for this reason.
pub(crate) fn passed(reason: &'static str, count: u64) {
    if count > 0 {
        metrics::counter!(PASSED.name, "reason" => reason).increment(count);
    }
}

/// An event's feed held it so many microseconds after it happened.
pub(crate) fn fed_after(micros: i64) {
    let took = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
    FEED_SECONDS.record(took.as_secs_f64());
}

/// A connection ended for this reason.
pub(crate) fn closed(reason: &'static str) {
    metrics::counter!(CLOSED.name, "reason" => reason).increment(1);
}

/// So many states are on the board of this audience.
pub(crate) fn shown(audience: &'static str, states: usize) {
    let states = f64::from(u32::try_from(states).unwrap_or(u32::MAX));
    metrics::gauge!(BOARD_STATES.name, "audience" => audience).set(states);
}

/// So many states are new on the board of this audience.
pub(crate) fn news(audience: &'static str, states: usize) {
    let states = u64::try_from(states).unwrap_or(u64::MAX);
    metrics::counter!(BOARD_NEWS.name, "audience" => audience).increment(states);
}

/// Counts a connection of this kind and audience as open until it is dropped.
#[derive(Debug)]
pub(crate) struct Open {
    kind: &'static str,
    audience: &'static str,
}

impl Open {
    pub(crate) fn new(kind: &'static str, audience: Audience) -> Self {
        let audience = audience.name();
        metrics::gauge!(CONNECTIONS.name, "kind" => kind, "audience" => audience).increment(1.0);
        Self { kind, audience }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!(CONNECTIONS.name, "kind" => self.kind, "audience" => self.audience).decrement(1.0);
    }
}
