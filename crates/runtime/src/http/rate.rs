//! How often somebody may do something: the generic cell rate algorithm (ITU-T I.371), which needs one instant per key
//! and no timer. Promise: its memory is bounded, whoever comes.

use std::convert::Infallible;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use quick_cache::sync::Cache;

use crate::clock::{self, Instant};

/// How many keys are counted at once. The ones that were not seen for longest are forgotten first, and begin anew.
const KEYS: usize = 100_000;
/// What may be done at once after a pause: as much as in this time.
const WINDOW: Duration = Duration::from_secs(2);

/// `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// A rate that holds for each key by itself.
#[derive(Debug)]
pub(super) struct Rate {
    name: &'static str,
    /// Nanoseconds between two of them, if they come evenly.
    each: u64,
    window: u64,
    quota: u64,
    began: Instant,
    hasher: RandomState,
    /// By the key's hash: when its last one was due, if all had come evenly. In nanoseconds since the beginning.
    due: Cache<u64, Arc<AtomicU64>>,
}

/// Where a key stands after it was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    name: &'static str,
    quota: u64,
    left: u64,
    /// In how many seconds the whole quota is there again.
    reset: u64,
}

/// It was once too often; nothing was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exceeded {
    /// Where the key stands.
    pub(super) standing: Standing,
    /// In how many seconds the next one is due.
    pub(super) retry_after: u32,
}

impl Rate {
    /// So many per second; `None` for any number.
    pub(super) fn new(name: &'static str, per_second: u32) -> Option<Self> {
        let each = 1_000_000_000_u64.checked_div(u64::from(per_second))?.max(1);
        let (window, began, hasher) = (nanos(WINDOW), clock::monotonic(), RandomState::new());
        Some(Self { name, each, window, quota: window / each, began, hasher, due: Cache::new(KEYS) })
    }

    /// Counts one of this key.
    pub(super) fn spend(&self, key: impl Hash) -> Result<Standing, Exceeded> {
        let now = nanos(self.began.elapsed());
        let Ok(due) = self.due.get_or_insert_with(&self.hasher.hash_one(key), || Ok::<_, Infallible>(Arc::default()));
        let latest = now + self.window;
        let counted = due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
            Some(due.max(now) + self.each).filter(|next| *next <= latest)
        });
        match counted {
            Ok(before) => Ok(self.standing(before.max(now) + self.each - now)),
            Err(due) => {
                let wait = (due + self.each).saturating_sub(latest);
                let retry_after = u32::try_from(seconds(wait)).unwrap_or(u32::MAX).max(1);
                Err(Exceeded { standing: self.standing(due.saturating_sub(now)), retry_after })
            }
        }
    }

    /// How a key stands that is so many nanoseconds ahead of an even pace.
    fn standing(&self, ahead: u64) -> Standing {
        let left = self.window.saturating_sub(ahead) / self.each;
        Standing { name: self.name, quota: self.quota, left, reset: seconds(ahead) }
    }
}

impl Standing {
    /// The rate that was counted by.
    pub(super) const fn name(self) -> &'static str {
        self.name
    }

    /// Tells the client, so that it can pace itself.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        let Self { name, quota, left, reset } = self;
        let window = WINDOW.as_secs();
        let told =
            [(POLICY, format!("\"{name}\";q={quota};w={window}")), (LIMIT, format!("\"{name}\";r={left};t={reset}"))];
        for (header, text) in told {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(header, value);
            }
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Whole seconds, rounded up.
const fn seconds(nanos: u64) -> u64 {
    nanos.div_ceil(1_000_000_000)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// How many of so many come through.
    fn passed(rate: &Rate, key: &str, tries: u32) -> usize {
        (0..tries).filter(|_| rate.spend(key).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_pause_two_seconds_worth_come_at_once_and_then_an_even_pace() {
        let rate = Rate::new("user", 10).unwrap();
        assert_eq!(passed(&rate, "ada", 50), 20);
        for _ in 0..5 {
            tokio::time::advance(Duration::from_millis(100)).await;
            assert_eq!(passed(&rate, "ada", 3), 1);
        }
        assert_eq!(passed(&rate, "bob", 50), 20, "each has a rate of his or her own");
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(passed(&rate, "ada", 50), 20, "what was not used is not saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_came_too_often_is_told_when_to_come_back_and_comes_through_then() {
        let rate = Rate::new("user", 1).unwrap();
        assert_eq!(passed(&rate, "ada", 9), 2);
        let exceeded = rate.spend("ada").unwrap_err();
        assert_eq!((exceeded.retry_after, exceeded.standing.left, exceeded.standing.reset), (1, 0, 2));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(rate.spend("ada").is_ok());
        let mut headers = HeaderMap::new();
        tokio::time::advance(Duration::from_secs(60)).await;
        rate.spend("ada").unwrap().tell(&mut headers);
        assert_eq!(
            (&headers[POLICY], &headers[LIMIT]),
            (&"\"user\";q=2;w=2".parse().unwrap(), &"\"user\";r=1;t=1".parse().unwrap())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn any_number_of_keys_takes_bounded_memory() {
        let rate = Rate::new("address", 1).unwrap();
        for key in 0..KEYS * 2 {
            let _ = rate.spend(key);
        }
        assert!(rate.due.len() <= KEYS, "{}", rate.due.len());
        assert!(Rate::new("address", 0).is_none(), "0 is no limit");
    }
}
