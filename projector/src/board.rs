//! What the partitions of one projection are doing: which of them stand still, and when each was last at the end of
//! its log. Readiness and the stored stamps come from here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use read_model::{Freshness, Source, Target};
use runtime::Dependency;
use runtime::clock::{self, Instant};

use crate::metrics::{LAG_SECONDS, PARKED, STOPPED};

/// A partition that was not at its end for so long is behind: where it is, is looked at once a second.
const BEHIND: Duration = Duration::from_secs(4);

/// One generation's partitions; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Board {
    target: Target,
    health: Dependency,
    /// Readiness is that of the generation that readers see.
    live: Arc<AtomicBool>,
    partitions: Arc<Mutex<BTreeMap<Source, State>>>,
}

#[derive(Debug, Default)]
struct State {
    /// When it was at the end of its log, or was begun with.
    kept_up: Option<Instant>,
    /// Why it does not go on.
    stopped: Option<String>,
    /// Why what it shows is older than what it has shown before.
    rewound: Option<String>,
    /// When it was at the end of its log, if that is not stored yet; milliseconds.
    at_end_ms: Option<i64>,
    workers: u32,
}

impl Board {
    /// A generation that is not live; nothing is said of it until it is.
    pub(crate) fn new(target: Target, health: Dependency) -> Self {
        Self { target, health, live: Arc::default(), partitions: Arc::default() }
    }

    /// Readers see this generation from now on. Without partitions it is well.
    pub(crate) fn is_live(&self) {
        if !self.live.swap(true, Ordering::AcqRel) {
            self.report(&self.lock());
        }
    }

    /// Readers see another one.
    pub(crate) fn is_not_live(&self) {
        self.live.store(false, Ordering::Release);
    }

    /// A worker begins on a partition.
    pub(crate) fn place(&self, source: Source) -> Place {
        let mut partitions = self.lock();
        let state = partitions.entry(source.clone()).or_default();
        state.workers += 1;
        state.kept_up.get_or_insert_with(clock::monotonic);
        drop(partitions);
        Place { board: self.clone(), source }
    }

    /// What is worked on.
    pub(crate) fn target(&self) -> Target {
        self.target
    }

    /// So many streams are parked.
    pub(crate) fn parked(&self, streams: usize) {
        let Target { projection, generation } = self.target;
        let series = metrics::gauge!(PARKED.name, "projection" => projection, "generation" => generation.to_string());
        series.set(u32::try_from(streams).unwrap_or(u32::MAX));
    }

    /// How many partitions are worked on here.
    pub(crate) fn partitions(&self) -> usize {
        self.lock().len()
    }

    /// Whether a partition that goes on is behind its log.
    pub(crate) fn is_behind(&self, now: Instant) -> bool {
        let late = |state: &State| state.kept_up.is_some_and(|at| now.saturating_duration_since(at) > BEHIND);
        self.lock().values().any(|state| state.stopped.is_none() && late(state))
    }

    /// How long ago the slowest partition was at the end of its log.
    fn lag(&self, now: Instant) -> Duration {
        let kept_up = self.lock().values().filter_map(|state| state.kept_up).min();
        kept_up.map_or(Duration::ZERO, |at| now.saturating_duration_since(at))
    }

    /// Says in metrics how far behind it is.
    pub(crate) fn tell_lag(&self, now: Instant) {
        self.set_lag(self.lag(now));
    }

    /// It is fed no more.
    pub(crate) fn end(&self) {
        self.set_lag(Duration::ZERO);
        self.parked(0);
    }

    fn set_lag(&self, lag: Duration) {
        let Target { projection, generation } = self.target;
        let generation = generation.to_string();
        metrics::gauge!(LAG_SECONDS.name, "projection" => projection, "generation" => generation).set(lag);
    }

    /// What has been at the end since the last call.
    pub(crate) fn take_stamps(&self) -> Vec<Freshness> {
        let mut partitions = self.lock();
        let stamps = partitions.iter_mut().filter_map(|(source, state)| {
            let at_ms = state.at_end_ms.take()?;
            Some(Freshness { target: self.target, source: source.clone(), at_ms })
        });
        stamps.collect()
    }

    fn change(&self, source: &Source, change: impl FnOnce(&mut State)) {
        let mut partitions = self.lock();
        if let Some(state) = partitions.get_mut(source) {
            change(state);
        }
        self.report(&partitions);
    }

    fn report(&self, partitions: &BTreeMap<Source, State>) {
        if !self.live.load(Ordering::Acquire) {
            return;
        }
        let stopped = partitions.values().filter(|state| state.stopped.is_some()).count();
        let series = metrics::gauge!(STOPPED.name, "projection" => self.target.projection);
        series.set(u32::try_from(stopped).unwrap_or(u32::MAX));
        let troubled = partitions.iter().find_map(|(source, state)| {
            let trouble = state.stopped.as_ref().or(state.rewound.as_ref())?;
            Some(format!("{source}: {trouble}"))
        });
        match troubled {
            Some(trouble) => self.health.down(trouble),
            None => self.health.up(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Source, State>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker's place on the board; leaves it when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    board: Board,
    source: Source,
}

impl Place {
    /// The partition does not go on; returns whether the reason is new.
    pub(crate) fn stopped(&self, reason: &str) -> bool {
        let mut news = false;
        self.board.change(&self.source, |state| {
            news = state.stopped.as_deref() != Some(reason);
            state.stopped = Some(reason.to_owned());
        });
        news
    }

    /// The partition goes on.
    pub(crate) fn going(&self) {
        self.board.change(&self.source, |state| state.stopped = None);
    }

    /// What the views show has gone back, until the partition is at its end again.
    pub(crate) fn rewound(&self, reason: String) {
        self.board.change(&self.source, |state| state.rewound = Some(reason));
    }

    /// Everything in the log is in the views.
    pub(crate) fn at_end(&self, now_ms: i64) {
        let mut partitions = self.board.lock();
        let Some(state) = partitions.get_mut(&self.source) else { return };
        state.at_end_ms = Some(now_ms);
        state.kept_up = Some(clock::monotonic());
        if state.stopped.take().is_some() | state.rewound.take().is_some() {
            self.board.report(&partitions);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut partitions = self.board.lock();
        if let Some(state) = partitions.get_mut(&self.source) {
            state.workers = state.workers.saturating_sub(1);
            if state.workers == 0 {
                partitions.remove(&self.source);
            }
        }
        self.board.report(&partitions);
    }
}

#[cfg(test)]
mod tests {
    use read_model::Generation;
    use runtime::Process;

    use super::*;

    fn board() -> (Board, Dependency) {
        let health = Process::new("projector", None).health.dependency("projection-orders");
        let target = Target { projection: "orders", generation: Generation(1) };
        let board = Board::new(target, health.clone());
        board.is_live();
        (board, health)
    }

    fn source(partition: i32) -> Source {
        Source { topic: "orders.events.v1".into(), partition }
    }

    #[test]
    fn one_stopped_partition_makes_the_projection_unready_until_it_goes_on_or_is_taken_away() {
        let (board, health) = board();
        let (first, second) = (board.place(source(0)), board.place(source(1)));
        first.stopped("poison");
        second.stopped("poison");
        assert!(!health.is_up());
        first.going();
        assert!(!health.is_up(), "the other one still stands");
        drop(second);
        assert!(health.is_up());
    }

    #[test]
    fn a_partition_that_went_back_is_unready_until_it_is_at_its_end_again() {
        let (board, health) = board();
        let place = board.place(source(0));
        place.rewound("Redis lost its last writes".to_owned());
        place.going();
        assert!(!health.is_up());
        place.at_end(5);
        assert!(health.is_up());
    }

    #[test]
    fn only_the_live_generation_makes_the_projection_unready() {
        let (board, health) = board();
        let place = board.place(source(0));
        board.is_not_live();
        place.stopped("poison");
        assert!(health.is_up());
        board.is_live();
        assert!(!health.is_up(), "the trouble is that of readers now");
    }

    #[test]
    fn a_partition_that_goes_on_is_behind_when_it_was_not_at_its_end_for_long() {
        let (board, _) = board();
        let (first, second) = (board.place(source(0)), board.place(source(1)));
        let later = clock::monotonic() + 2 * BEHIND;
        assert!(!board.is_behind(clock::monotonic()));
        assert!(board.lag(later) > BEHIND, "{:?}", board.lag(later));
        assert!(board.is_behind(later));
        first.stopped("poison");
        second.stopped("poison");
        assert!(!board.is_behind(later), "waiting for one that stands still would help nobody");
    }

    #[test]
    fn each_time_at_the_end_is_handed_out_once() {
        let (board, _) = board();
        let place = board.place(source(3));
        place.at_end(5);
        place.at_end(6);
        let stamps: Vec<_> = board.take_stamps().into_iter().map(|stamp| (stamp.source, stamp.at_ms)).collect();
        assert_eq!(stamps, [(source(3), 6)]);
        assert_eq!(board.take_stamps(), []);
    }
}
