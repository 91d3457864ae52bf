//! The relay's promises, over the real round and a model of everything around it: several relays on the same lanes,
//! rounds of what is new beside rounds of what is published again, writers, marks that are put back at any moment, a
//! store that answers late or not at all, a log that fails, and crashes at any step.
//!
//! A case is a setting and a list of choices; each choice picks one of the things that could happen next. When the
//! choices are used up, nothing fails any more and everything must come to rest with nothing lost. After every step:
//!
//! - *prefix*: in the log, the first occurrence of a version comes after one of the version before it;
//! - *delivered*: a mark is gone only if a reader that takes versions in order, and drops what comes too early, has the
//!   whole commit.
//!
//! The first holds with a log that never writes behind a hole (what `bus::Producer` promises); the second even without
//! that. Each rule on which they rest is broken once, and the model must notice.

mod fakes;
mod setting;
mod steps;
mod world;

use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestCaseError, TestError, TestRunner};

use setting::{Case, LogKind, Rules, cases};
use world::Violation;

/// Cases for a test that must hold. A broken rule was found within the first 160 cases, most within the first 25.
const CASES: u32 = 5_000;
/// The choices are the same in every run; a failure prints its case.
const SEED: u64 = 4;

/// Seen to fail when marks are removed without waiting for the log's answer (`relay-marks-before-the-acks`).
#[test]
fn whatever_happens_nothing_is_lost_and_no_version_comes_before_the_one_before_it() {
    hold(LogKind::Gapless, Rules::default());
}

#[test]
fn even_on_a_log_that_writes_behind_a_hole_nothing_is_lost() {
    hold(LogKind::Leaky, Rules::default());
}

#[test]
fn a_clock_that_does_not_grow_along_a_stream_breaks_the_prefix() {
    let broken = Rules { clock_grows: false, ..Rules::default() };
    assert!(matches!(break_with(LogKind::Gapless, broken), Violation::Prefix { .. }));
}

#[test]
fn pages_of_different_moments_break_the_prefix() {
    let broken = Rules { one_snapshot: false, ..Rules::default() };
    assert!(matches!(break_with(LogKind::Gapless, broken), Violation::Prefix { .. }));
}

#[test]
fn a_log_that_writes_behind_a_hole_breaks_the_prefix() {
    let broken = Rules { check_prefix: true, ..Rules::default() };
    assert!(matches!(break_with(LogKind::Leaky, broken), Violation::Prefix { .. }));
}

#[test]
fn a_mark_removed_behind_a_failure_loses_an_event() {
    let broken = Rules { marks_stay_behind_failures: false, ..Rules::default() };
    assert!(matches!(break_with(LogKind::Leaky, broken), Violation::Lost { .. }));
}

#[test]
fn a_mark_removed_before_all_events_of_its_commit_are_acknowledged_loses_an_event() {
    let broken = Rules { commits_are_whole: false, ..Rules::default() };
    assert!(matches!(break_with(LogKind::Gapless, broken), Violation::Lost { .. }));
}

#[test]
fn publishing_again_what_was_never_published_breaks_the_prefix() {
    let broken = Rules { again_means_again: false, ..Rules::default() };
    assert!(matches!(break_with(LogKind::Gapless, broken), Violation::Prefix { .. }));
}

/// Runs every case; prints the smallest one that fails.
fn hold(log: LogKind, rules: Rules) {
    if let Err(failed) = explore(log, rules) {
        let TestError::Fail(_, case) = failed else { panic!("{failed}") };
        let (violation, trace) = steps::run(&case).expect_err("it failed a moment ago");
        panic!("seed {SEED}: {violation:?}\n{case:#?}\n{trace:#?}");
    }
}

/// Runs cases until one fails, and returns how the smallest such case fails.
fn break_with(log: LogKind, rules: Rules) -> Violation {
    let Err(TestError::Fail(_, case)) = explore(log, rules) else {
        panic!("seed {SEED}: {CASES} cases did not notice that a rule is broken: {rules:?}")
    };
    steps::run(&case).expect_err("it failed a moment ago").0
}

#[expect(clippy::result_large_err, reason = "the error is the case that failed")]
fn explore(log: LogKind, rules: Rules) -> Result<(), TestError<Case>> {
    let config = Config {
        cases: CASES,
        max_shrink_iters: 5_000,
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(SEED),
        ..Config::default()
    };
    TestRunner::new(config).run(&cases(log, rules), |case| {
        steps::run(&case).map(|_| ()).map_err(|(violation, _)| TestCaseError::fail(format!("{violation:?}")))
    })
}
