//! A short run of the fault rig with a fixed seed; `cargo run -p e2e --bin chaos` makes longer ones.

use std::time::Duration;

use e2e::chaos::{self, Lines, Plan};

use crate::world::World;

/// Seen to fail, as a run of the binary: when MongoDB's silence is taken for success (`store-takes-silence-for-success`), when a
/// process was aborted before the rig killed it, and when commits are dated without a look at the one before them
/// (`commands-are-dated-by-one-process-alone`). The seed is one by which the clock of a command API is set twice.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "what was done and survived is worth reading")]
async fn an_attack_on_every_process_breaks_no_promise() {
    let lines = Lines::default();
    let world = World::exposed(&lines).await;
    let length = Duration::from_secs(if stack::testing::full() { 600 } else { 20 });
    let plan = Plan { seed: 447, length, customers: 4, rate: 4.0 };
    let report = chaos::run(&world.system, &lines, plan).await;
    println!("{report}");
    assert!(report.is_clean() && report.orders() > 0 && report.blows() > 0, "{report}");
    assert!(report.clocks_set() > 0, "{report}");
}
