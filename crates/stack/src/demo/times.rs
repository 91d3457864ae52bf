//! Measured durations and their percentiles.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Durations from a microsecond to a minute, to three digits.
#[derive(Debug)]
pub(super) struct Times(Histogram<u64>);

const LONGEST: u64 = 60_000_000;

impl Times {
    #[expect(clippy::expect_used, reason = "the bounds are constants that the histogram accepts")]
    pub(super) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, 3).expect("valid bounds"))
    }

    pub(super) fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(LONGEST);
        self.0.saturating_record(micros.clamp(1, LONGEST));
    }

    /// That percentile, as `4.2 ms`.
    pub(super) fn at(&self, percentile: f64) -> String {
        if self.0.is_empty() {
            return "-".to_owned();
        }
        milliseconds(Duration::from_micros(self.0.value_at_quantile(percentile / 100.0)))
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0.reset();
    }
}

/// `4.2 ms`.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut times = Times::new();
        assert_eq!(times.at(50.0), "-");
        for millis in 1..=100 {
            times.record(Duration::from_millis(millis));
        }
        assert_eq!((times.at(50.0).as_str(), times.at(99.0).as_str()), ("50.0 ms", "99.0 ms"));
        assert_eq!(times.count(), 100);
    }
}
