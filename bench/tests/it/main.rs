//! Every benchmark works: each side does the same work, and the rows that come out are sane. Times are not judged.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use bench::Benchmark;
use bench::case::{Case, Side};
use bench::measure::Round;
use bench::plan::Plan;
use bench::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_benchmark_has_all_its_sides_do_their_work() {
    let world = World::up().await;
    for benchmark in Benchmark::ALL.into_iter().chain([Benchmark::Growth]) {
        let cases = Box::pin(bench::run(benchmark, &world, &Plan::SHORT)).await;
        assert!(!cases.is_empty(), "{benchmark:?} says nothing");
        for case in &cases {
            check(case);
            let line = serde_json::to_string(case).expect("a line");
            let read: Case = serde_json::from_str(&line).expect("the case again");
            assert_eq!(shape(&read), shape(case));
        }
    }
}

/// A case's table without its figures: what is read from a line may differ from what was written in the last digit.
fn shape(case: &Case) -> String {
    bench::table::of(std::slice::from_ref(case)).replace(|sign: char| sign.is_ascii_digit() || sign == '.', "")
}

fn check(case: &Case) {
    assert!(!case.sides.is_empty() || !case.ratios.is_empty(), "{case:?}");
    for Side { name, rounds } in &case.sides {
        assert!(!rounds.is_empty() && !name.is_empty(), "{case:?}");
        for Round { operations, seconds, times, .. } in rounds {
            assert!(*operations > 0 && *seconds > 0.0, "{name} did nothing: {case:?}");
            let ordered =
                times.is_none_or(|times| 0.0 < times.p50 && times.p50 <= times.p99 && times.p99 <= times.p999);
            assert!(ordered, "{case:?}");
        }
    }
    for ratio in &case.ratios {
        assert!(!ratio.values.is_empty(), "{case:?}");
        // Where a process that was killed is back soon enough, nobody waited for it.
        let may_be_nothing = case.benchmark == "B8";
        let measured = |value: &f64| value.is_finite() && (*value > 0.0 || may_be_nothing && *value == 0.0);
        assert!(ratio.values.iter().all(measured), "{case:?}");
    }
}
