//! The partitions that do not go on, for readiness, and how far they are behind, for metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use read_model::Source;
use runtime::Dependency;
use runtime::clock::{self, Instant};

use crate::metrics;

/// Which partitions stand still, and why; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Troubles {
    health: Dependency,
    partitions: Arc<Mutex<BTreeMap<Source, State>>>,
}

#[derive(Debug)]
struct State {
    /// Whoever gets a partition again may begin before the one that lost it has ended.
    workers: usize,
    /// When it was at the end of its log, or was begun with.
    kept_up: Instant,
    /// Why it does not go on.
    stopped: Option<String>,
}

/// One partition's entry; gone when dropped.
#[derive(Debug)]
pub(super) struct Place {
    troubles: Troubles,
    source: Source,
}

impl Troubles {
    /// No partition has any trouble.
    pub(super) fn new(health: Dependency) -> Self {
        health.up();
        Self { health, partitions: Arc::default() }
    }

    pub(super) fn place(&self, source: Source) -> Place {
        let fresh = || State { workers: 0, kept_up: clock::monotonic(), stopped: None };
        self.lock().entry(source.clone()).or_insert_with(fresh).workers += 1;
        Place { troubles: self.clone(), source }
    }

    /// Says in metrics how far the feeds are behind.
    pub(super) fn tell_lag(&self, now: Instant) {
        metrics::FEED_LAG_SECONDS.set(self.lag(now).as_secs_f64());
    }

    fn lag(&self, now: Instant) -> Duration {
        let kept_up = self.lock().values().map(|state| state.kept_up).min();
        kept_up.map_or(Duration::ZERO, |at| now.saturating_duration_since(at))
    }

    fn note(&self, source: &Source, reason: Option<String>) {
        let mut partitions = self.lock();
        if let Some(state) = partitions.get_mut(source) {
            state.stopped = reason;
        }
        self.report(&partitions);
    }

    fn report(&self, partitions: &BTreeMap<Source, State>) {
        let mut stopped = partitions.iter().filter_map(|(source, state)| Some((source, state.stopped.as_ref()?)));
        match stopped.next() {
            Some((source, reason)) => self.health.down(format!("{source}: {reason}")),
            None => self.health.up(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Source, State>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The partition does not go on.
    pub(super) fn stopped(&self, error: &dyn std::error::Error) {
        self.troubles.note(&self.source, Some(runtime::chain(error)));
    }

    /// The partition goes on.
    pub(super) fn going(&self) {
        self.troubles.note(&self.source, None);
    }

    /// Everything in the log has been fed.
    pub(super) fn at_end(&self) {
        if let Some(state) = self.troubles.lock().get_mut(&self.source) {
            state.kept_up = clock::monotonic();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut partitions = self.troubles.lock();
        if let Some(state) = partitions.get_mut(&self.source) {
            state.workers = state.workers.saturating_sub(1);
            if state.workers == 0 {
                partitions.remove(&self.source);
            }
        }
        self.troubles.report(&partitions);
    }
}

#[cfg(test)]
mod tests {
    use runtime::Process;

    use super::*;

    fn troubles() -> (Dependency, Troubles) {
        let health = Process::new("notifier", None).health.dependency("feeds");
        (health.clone(), Troubles::new(health))
    }

    fn place(troubles: &Troubles, partition: i32) -> Place {
        troubles.place(Source { topic: "orders.events.v1".into(), partition })
    }

    #[test]
    fn one_stopped_partition_makes_the_feeds_unready_until_it_goes_on_or_is_taken_away() {
        let (health, troubles) = troubles();
        let (first, second) = (place(&troubles, 1), place(&troubles, 2));
        first.stopped(&std::fmt::Error);
        second.stopped(&std::fmt::Error);
        first.going();
        assert!(!health.is_up(), "the other one still stands");
        drop(second);
        assert!(health.is_up());
    }

    #[test]
    fn who_ends_late_takes_nothing_from_who_has_the_partition_by_then() {
        let (health, troubles) = troubles();
        let (old, new) = (place(&troubles, 1), place(&troubles, 1));
        drop(old);
        new.stopped(&std::fmt::Error);
        assert!(!health.is_up());
        drop(new);
        assert!(health.is_up());
    }

    #[tokio::test(start_paused = true)]
    async fn the_feeds_are_as_far_behind_as_the_slowest_partition() {
        let (_health, troubles) = troubles();
        let (fast, slow) = (place(&troubles, 1), place(&troubles, 2));
        tokio::time::advance(Duration::from_secs(7)).await;
        fast.at_end();
        assert_eq!(troubles.lag(clock::monotonic()), Duration::from_secs(7));
        drop(slow);
        assert_eq!(troubles.lag(clock::monotonic()), Duration::ZERO);
    }
}
