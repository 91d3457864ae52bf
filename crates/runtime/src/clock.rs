//! The only clocks of the system, so that a test or a simulation has one place to look at.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::{Span, SpanRelativeTo};

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

/// What was written is no length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a length of time is expected, as 90s, 15m, 2h or 7d")]
pub struct InvalidLength;

/// A length of time as people write it: `90s`, `15m`, `1h30m`, `7d`. A day has 24 hours.
pub fn length(text: &str) -> Result<Duration, InvalidLength> {
    let span = text.parse::<Span>().map_err(|_| InvalidLength)?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| InvalidLength)?;
    Duration::try_from(length).map_err(|_| InvalidLength)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_number_with_a_unit() {
        let lengths = [("0s", 0), ("90s", 90), ("15m", 900), ("2h", 7_200), ("1h30m", 5_400), ("7d", 604_800)];
        for (text, seconds) in lengths {
            assert_eq!(length(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "m", "5", "5é", "-5m", "1y", "99999999999999999999h"] {
            assert_eq!(length(wrong), Err(InvalidLength), "{wrong}");
        }
    }
}
