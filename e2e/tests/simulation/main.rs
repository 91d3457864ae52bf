//! The core in one thread: commands, store, relay, log, projector and views, all of it the product's own code but for the
//! edges: a store, an outbox, a log and the views, in memory. Each of their calls waits twice, for its way there and for
//! its way back, and a seed decides what happens next: which call arrives, which answer comes, which is lost, what is
//! carried out although nobody waits any more, whose clock jumps, which process dies or gets a second instance beside
//! it, when the views lose their last writes, and which commit is published again.
//!
//! After every step the first occurrences in the log are in order, a mark is gone only if the log has its commit, and
//! what was written to the views is the fold of their events. When the faults are used up everything comes to rest: then
//! every acknowledged command has one effect, told the same each time, and the views show all of them.
//!
//! `SIMULATION_SEEDS=100000` runs as many seeds; `SIMULATION_SEED=17` runs one, and prints what happened. Poisoned events
//! and parked streams, generations, feeds and tokens are not simulated.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod commands;
mod fakes;
mod link;
#[path = "../../../crates/read-model/tests/it/views/model.rs"]
#[expect(dead_code, reason = "what is simulated parks nothing")]
mod model;
mod processes;
mod run;
mod verdict;
mod world;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use run::run;

/// As many as take some seconds.
const SEEDS: u64 = 2_000;
/// Each runs a share of the seeds; a seed is all in one of them.
const THREADS: usize = 2;

#[test]
fn whatever_happens_the_core_keeps_its_promises() {
    if let Some(seed) = setting("SIMULATION_SEED") {
        let (trace, verdict) = run(seed);
        panic!("seed {seed}: {verdict:?}\n{}", trace.join("\n"));
    }
    let seeds = setting("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let broken = AtomicBool::new(false);
    let hold = |seed: u64| {
        let (trace, verdict) = run(seed);
        let Err(violation) = verdict else { return };
        broken.store(true, Ordering::Relaxed);
        let last = trace[trace.len().saturating_sub(60)..].join("\n");
        panic!("seed {seed}: {violation:?}; SIMULATION_SEED={seed} shows it all. The last steps:\n{last}");
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let share = (0..seeds).skip(thread).step_by(THREADS);
            let (hold, broken) = (&hold, &broken);
            scope.spawn(move || share.take_while(|_| !broken.load(Ordering::Relaxed)).for_each(hold));
        }
    });
}

/// Seen to fail, in one run of twelve, when which commands share a gate is drawn anew by each process.
#[test]
fn a_seed_replays_identically() {
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}

fn setting(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a number"))
}
