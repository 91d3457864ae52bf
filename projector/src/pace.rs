//! How fast a generation is fed: as fast as can be, so many events a second in this process, or not at all for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runtime::Shutdown;
use runtime::clock::{self, Instant};
use tokio::sync::watch;
use tokio::time::sleep_until;

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    /// As fast as it can.
    Free,
    /// So many events a second in this process.
    PerSecond(u32),
    /// Not at all.
    Standstill,
}

/// What the workers of one generation share; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    speed: Arc<watch::Sender<Speed>>,
    /// When everything that was admitted so far is paid for.
    paid: Arc<Mutex<Option<Instant>>>,
    end: Shutdown,
}

impl Pace {
    /// As fast as can be, until something else is set.
    pub(crate) fn new(end: Shutdown) -> Self {
        Self { speed: Arc::new(watch::Sender::new(Speed::Free)), paid: Arc::default(), end }
    }

    /// From now on events are admitted at this speed, also for who waits already.
    pub(crate) fn set(&self, speed: Speed) {
        self.speed.send_if_modified(|known| {
            let news = *known != speed;
            if news {
                *known = speed;
                *self.paid.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            news
        });
    }

    /// Waits until so many events may be applied, or everything ends.
    pub(crate) async fn admit(&self, events: usize) {
        let mut speeds = self.speed.subscribe();
        loop {
            let speed = *speeds.borrow_and_update();
            let start = match speed {
                Speed::Free => return,
                Speed::PerSecond(limit) => match self.reserve(events, limit) {
                    None => return,
                    start => start,
                },
                Speed::Standstill => None,
            };
            tokio::select! {
                () = self.end.requested() => return,
                () = reached(start) => return,
                Ok(()) = speeds.changed() => {}
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

/// Waits for a moment, for ever if there is none.
async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_events_a_second_are_admitted_whoever_brings_them() {
        let pace = Pace::new(Shutdown::default());
        pace.set(Speed::PerSecond(1_000));
        let begun = clock::monotonic();
        for _ in 0..10 {
            tokio::join!(pace.admit(100), pace.admit(100));
        }
        let took = begun.elapsed();
        assert!((Duration::from_millis(1_800)..Duration::from_millis(2_000)).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_lifted_ends_the_waiting_at_once() {
        for limit in [Speed::PerSecond(1), Speed::Standstill] {
            let pace = Pace::new(Shutdown::default());
            pace.set(Speed::PerSecond(1));
            pace.admit(100).await;
            pace.set(limit);
            let begun = clock::monotonic();
            let lifted = async { pace.set(Speed::Free) };
            tokio::join!(pace.admit(100), lifted);
            assert_eq!(begun.elapsed(), Duration::ZERO, "{limit:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_stands_still_goes_on_when_told_to_or_when_everything_ends() {
        let (end, minute) = (Shutdown::default(), Duration::from_secs(60));
        let pace = Pace::new(end.clone());
        pace.set(Speed::Standstill);
        let mut admitted = std::pin::pin!(pace.admit(1));
        assert!(tokio::time::timeout(minute, &mut admitted).await.is_err(), "nothing is admitted");
        end.request();
        admitted.await;
    }
}
