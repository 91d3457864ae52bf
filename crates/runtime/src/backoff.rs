//! Waiting between attempts: doubling, bounded, with jitter so that many clients do not return together.

use std::time::Duration;

use rand::Rng;

/// The waits of one thing that is being retried.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    current: Duration,
}

impl Backoff {
    /// Starts at `first` and doubles up to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, current: first }
    }

    /// The next wait: between half of the current step and the whole of it.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so an Option would say too little")]
    pub fn next(&mut self) -> Duration {
        let step = self.current;
        self.current = (step * 2).min(self.longest);
        step.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// Sleeps for [`Self::next`].
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.next()).await;
    }

    /// An attempt succeeded: begin anew.
    pub const fn reset(&mut self) {
        self.current = self.first;
    }
}

impl Default for Backoff {
    /// From 50 ms to 5 s: for a server that is away.
    fn default() -> Self {
        Self::new(Duration::from_millis(50), Duration::from_secs(5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(400));
        for step in [100, 200, 400, 400] {
            let wait = backoff.next();
            assert!(wait >= Duration::from_millis(step / 2) && wait <= Duration::from_millis(step), "{step}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(100));
    }
}
