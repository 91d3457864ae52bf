//! What is to be published again: its own rounds, on its own producer, over the same lanes, behind what is new.
//!
//! Every commit here was acknowledged by the log before, so these rounds and the live ones cannot disturb each other's
//! order: whatever a reader has not had yet comes from the live lanes alone.

use std::time::Duration;

use event_store::{Lanes, Outbox};
use runtime::Shutdown;
use runtime::backoff::Backoff;
use tokio::sync::watch;

use crate::failures::Failures;
use crate::{Limits, Log, Rounds, metrics};

/// How often it is looked whether there is something to do.
const LOOK: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// How far publishing again holds back.
#[derive(Debug, Clone, Copy)]
pub struct Throttle {
    /// How much a round does at a time.
    pub limits: Limits,
    /// The most events a second.
    pub events_per_second: u32,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { limits: Limits { page: 256, pages_in_flight: 1, commits: 1_024 }, events_per_second: 2_000 }
    }
}

pub(crate) struct Again<L> {
    pub(crate) throttle: Throttle,
    pub(crate) outbox: Outbox,
    pub(crate) log: L,
    pub(crate) lanes: watch::Receiver<Lanes>,
    /// Whether the live lanes had more than fitted into their last round.
    pub(crate) busy: watch::Receiver<bool>,
    pub(crate) shutdown: Shutdown,
}

impl<L: Log> Again<L> {
    /// Publishes until shutdown; a round that is under way then is dropped, which costs repetitions only.
    pub(crate) async fn publish(mut self) {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.rounds() => {}
        }
    }

    async fn rounds(&mut self) {
        let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
        let mut failures = Failures::new("a round of what is published again");
        let mut rounds = Rounds::new(self.outbox.clone(), self.throttle.limits);
        loop {
            // Its sender lives as long as the relay, and this no longer.
            let _ = self.busy.wait_for(|busy| !busy).await;
            let lanes = *self.lanes.borrow();
            // A look costs little; a round would make a client of Kafka's.
            if lanes == Lanes::NONE || !self.has_marks().await {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let started = runtime::clock::monotonic();
            let stop = self.shutdown.token();
            let report = rounds.next(&self.log, lanes, &stop).await;
            metrics::REPUBLISHED.add(report.published);
            // This is in no hurry, so the marks go before it rests.
            let settled = rounds.settle().await;
            let failure = report.failure.or(settled.err());
            match &failure {
                Some(failure) => failures.log(failure, report.stopped_streams),
                None if report.stopped_streams == 0 => failures.clear(),
                None => {}
            }
            let pause = if failure.is_some() && (report.halted || report.published == 0) {
                backoff.next()
            } else {
                backoff.reset();
                self.throttle.pause(report.published, started.elapsed())
            };
            // Marks of others' lanes, or of what is held back, are no reason to look again at once.
            tokio::time::sleep(if report.published == 0 { pause.max(LOOK) } else { pause }).await;
        }
    }

    async fn has_marks(&self) -> bool {
        // While the store is away there is nothing to do either, and health says so.
        matches!(self.outbox.oldest_mark_age().await, Ok(Some(_)))
    }
}

impl Throttle {
    /// What is left of the time that so many events are given; and at least as long as they took, so that at most half
    /// of the time is spent on this.
    fn pause(self, events: u64, took: Duration) -> Duration {
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        let given = Duration::from_secs(1).mul_f64(f64::from(events) / f64::from(self.events_per_second.max(1)));
        given.saturating_sub(took).max(took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishing_again_keeps_to_its_rate_and_leaves_half_of_the_time_to_others() {
        let throttle = Throttle { events_per_second: 1_000, ..Throttle::default() };
        let millis = Duration::from_millis;
        assert_eq!(throttle.pause(500, millis(100)), millis(400));
        assert_eq!(throttle.pause(500, millis(400)), millis(400));
        assert_eq!(throttle.pause(0, millis(3)), millis(3));
    }
}
