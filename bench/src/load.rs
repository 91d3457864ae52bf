//! Load generators. A closed one keeps so many clients busy and tells throughput; an open one starts operations on a
//! schedule, whatever becomes of the earlier ones, and tells latency.
//!
//! Both sides of a comparison run under the same one, in one task: what it costs is the same for both.

use std::cell::Cell;
use std::time::Duration;

use futures::future::join_all;
use runtime::clock::{self, Instant};
use tokio::time::sleep_until;

use crate::measure::{Times, real};

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// How many operations.
    pub(crate) operations: u64,
    /// How long each took.
    pub(crate) times: Times,
}

impl Done {
    fn sum(clients: Vec<Self>) -> Self {
        let mut sum = Self::default();
        for Self { operations, times } in clients {
            sum.operations += operations;
            sum.times.add(&times);
        }
        sum
    }
}

/// One operation of a load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// No other operation of the load has it.
    pub(crate) number: u64,
    /// From when its time counts.
    pub(crate) begun: Instant,
}

/// Every client goes on until the window is over.
pub(crate) async fn closed<C>(clients: &mut [C], window: Duration, operation: impl AsyncFn(&mut C, Call)) -> Done {
    let (end, next) = (clock::monotonic() + window, Cell::new(0));
    let work = clients.iter_mut().map(async |client| {
        let mut done = Done::default();
        loop {
            let begun = clock::monotonic();
            if begun >= end {
                return done;
            }
            let number = next.replace(next.get() + 1);
            operation(client, Call { number, begun }).await;
            done.operations += 1;
            done.times.record(begun.elapsed());
        }
    });
    Done::sum(join_all(work).await)
}

/// Starts `rate` operations per second, each with whichever client is free. An operation that finds none waits for one,
/// and its time counts from when it was due; so a slow server cannot hide behind a generator that waits for it.
pub(crate) async fn open<C>(
    clients: &mut [C],
    rate: f64,
    window: Duration,
    operation: impl AsyncFn(&mut C, Call),
) -> Done {
    let (begin, next) = (clock::monotonic(), Cell::new(0));
    let work = clients.iter_mut().map(async |client| {
        let mut done = Done::default();
        loop {
            let number = next.replace(next.get() + 1);
            let due = begin + Duration::from_secs_f64(real(number) / rate);
            if due.duration_since(begin) >= window {
                return done;
            }
            let now = clock::monotonic();
            // The timer counts in milliseconds; what it sleeps too long is not the server's.
            let begun = if due > now {
                sleep_until(due).await;
                clock::monotonic()
            } else {
                due
            };
            operation(client, Call { number, begun }).await;
            done.operations += 1;
            done.times.record(begun.elapsed());
        }
    });
    Done::sum(join_all(work).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(10);

    #[tokio::test(start_paused = true)]
    async fn a_closed_load_keeps_every_client_busy_until_the_end() {
        let done = closed(&mut [(), ()], STEP * 5, async |_client, _call| tokio::time::sleep(STEP).await).await;
        assert_eq!(done.operations, 10);
        assert_eq!(done.times.count(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_a_free_client_counts_from_when_it_was_due() {
        // Due every 10 ms, but the one client needs 20 ms for each: the tenth begins 90 ms late.
        let done = open(&mut [()], 100.0, STEP * 10, async |_client, _call| tokio::time::sleep(STEP * 2).await).await;
        assert_eq!(done.operations, 10);
        let slowest = done.times.quantiles().p999;
        assert!((109.0..112.0).contains(&slowest), "{slowest}");
    }
}
