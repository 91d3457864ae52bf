//! The only clocks of the system, so that a test or a simulation has one place to look at.

use std::time::{SystemTime, UNIX_EPOCH};

pub use tokio::time::Instant;

/// Microseconds since 1970-01-01T00:00:00Z by the wall clock; it may jump, also backwards.
#[must_use]
pub fn now_micros() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "this is the one wall clock")]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Whole seconds since 1970-01-01T00:00:00Z by the wall clock, as tokens count them.
#[must_use]
pub fn now_seconds() -> i64 {
    now_micros().div_euclid(1_000_000)
}

/// A clock that never goes back, for measuring and for deadlines; follows a test's paused time.
#[must_use]
pub fn monotonic() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this is the one monotonic clock")]
    Instant::now()
}

/// An instant of [`now_micros`] as RFC 3339 in UTC, to the microsecond.
#[must_use]
pub fn rfc3339(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| format!("{micros}us"), |at| format!("{at:.6}"))
}
