//! How fast a generation is filled beside the one that readers see: so many events a second in this process, or as many
//! as it can.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runtime::Shutdown;
use runtime::clock::{self, Instant};
use tokio::sync::watch;
use tokio::time::sleep_until;

/// What the workers of one generation share; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    limit: Arc<watch::Sender<Option<u32>>>,
    /// When everything that was admitted so far is paid for.
    paid: Arc<Mutex<Option<Instant>>>,
    end: Shutdown,
}

impl Pace {
    /// Without a limit, until one is set.
    pub(crate) fn new(end: Shutdown) -> Self {
        Self { limit: Arc::new(watch::Sender::new(None)), paid: Arc::default(), end }
    }

    /// From now on so many events a second are admitted; who waits already waits by the new limit.
    pub(crate) fn set(&self, limit: Option<u32>) {
        self.limit.send_if_modified(|known| {
            let news = *known != limit;
            if news {
                *known = limit;
                *self.paid.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            news
        });
    }

    /// Waits until so many events may be applied, or everything ends.
    pub(crate) async fn admit(&self, events: usize) {
        let mut limits = self.limit.subscribe();
        loop {
            let limit = *limits.borrow_and_update();
            let Some(start) = limit.and_then(|limit| self.reserve(events, limit)) else { return };
            tokio::select! {
                () = self.end.requested() => return,
                () = sleep_until(start) => return,
                Ok(()) = limits.changed() => {}
            }
        }
    }

    /// When these events may be applied, after all that were reserved before; `None` is now.
    fn reserve(&self, events: usize, limit: u32) -> Option<Instant> {
        let now = clock::monotonic();
        let cost = Duration::from_secs(u64::try_from(events).unwrap_or(u64::MAX)) / limit.max(1);
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let start = paid.filter(|paid| *paid > now);
        *paid = Some(start.unwrap_or(now) + cost);
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_events_a_second_are_admitted_whoever_brings_them() {
        let pace = Pace::new(Shutdown::default());
        pace.set(Some(1_000));
        let begun = clock::monotonic();
        for _ in 0..10 {
            tokio::join!(pace.admit(100), pace.admit(100));
        }
        let took = begun.elapsed();
        assert!((Duration::from_millis(1_800)..Duration::from_millis(2_000)).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_lifted_ends_the_waiting_at_once() {
        let pace = Pace::new(Shutdown::default());
        pace.set(Some(1));
        pace.admit(100).await;
        let begun = clock::monotonic();
        let lifted = async { pace.set(None) };
        tokio::join!(pace.admit(100), lifted);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
