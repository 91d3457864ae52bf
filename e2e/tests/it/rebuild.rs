//! A projection is filled anew and readers are switched to it and back, while they read and others write.

mod repair;
mod shop;
mod truncated;

use std::process::{Output, Stdio};

use e2e::plain_redis;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use read_model::Target;
use read_model::generations::Generations;
use serde_json::Value;
use stack::{eventually, testing};
use tokio::process::Command;

use crate::world::{SETTLED, World};
use shop::{Shop, Tally};

const ORDERS: &str = "orders";
/// Whoever heals what is lost by itself.
const HEALER: &str = "steward";
/// Orders that are there before; each has two events.
const HISTORY: usize = 400;
const FULL_HISTORY: usize = 100_000;
/// How often a builder is killed.
const KILLS: usize = 3;
const FULL_KILLS: usize = 8;

impl World {
    /// The operators' command line against this system.
    pub(crate) fn ops(&self, line: &str) -> Command {
        let mut command = Command::from(self.system.operator().expect("the ops binary"));
        command.args(line.split(' ')).args(["--output", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What a command answers, which must end with this code.
    pub(crate) async fn answer(&self, line: &str, code: i32) -> Value {
        judged(line, self.ops(line).output().await.expect("the ops binary"), code)
    }

    async fn generations(&self) -> Generations {
        let found = self.read_model().generations(&[ORDERS]).await.expect("the generations");
        found.into_iter().next().flatten().expect("a live generation")
    }

    async fn applied(&self, target: Target) -> i64 {
        self.read_model().progress(&target).await.expect("positions").values().sum()
    }

    /// A connection beside ours, to break things.
    async fn raw(&self) -> redis::aio::MultiplexedConnection {
        plain_redis::connect(&self.system.addresses().redis_url).await.expect("Redis")
    }
}

fn judged(line: &str, output: Output, code: i32) -> Value {
    assert_eq!(output.status.code(), Some(code), "ops {line}: {output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Seen to fail when the generation that was live before is fed no more (`generations-behind-are-left-alone`).
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_under_reads_and_writes_stops_nobody_and_takes_no_reader_back() {
    let world = World::enter().await;
    let shop = Shop::open(&world, if testing::full() { FULL_HISTORY } else { HISTORY }).await;
    let tally = shop.open_during(rebuild(&world, &shop)).await;
    let Tally { read, written, failed, stale } = tally;
    assert_eq!((failed, stale), (Vec::new(), Vec::new()), "{read} reads, {written} writes");
    assert!(read > 300 && written > 30, "{read} reads, {written} writes");
    let _ledger = world.settle().await;
}

/// From the plan to the drop.
async fn rebuild(world: &World, shop: &Shop) {
    let before = world.generations().await;
    let plan = world.answer("rebuild orders", 0).await;
    assert_eq!(plan["executed"], false);
    assert_eq!(world.generations().await, before, "a plan changes nothing");

    let filled = fill(world, shop).await;
    differ(world, filled).await;
    let alike = world.answer("rebuild orders --verify", 0).await;
    assert_eq!(alike["items"][0]["action"], "none", "{alike}");

    assert_eq!(world.answer("projections switch orders", 0).await["executed"], false);
    assert_eq!(world.generations().await.live, before.live, "a plan switches nothing");
    world.answer("projections switch orders --execute", 0).await;
    assert_eq!(world.generations().await.live, filled.generation);
    // For long enough that every projector has seen the switch.
    shop.goes_on(400).await;
    // Twice, as after a lost answer: that does not lead forth again.
    for _ in 0..2 {
        world.answer(&format!("projections rollback orders {} --execute", before.live), 0).await;
        assert_eq!(world.generations().await.live, before.live);
    }
    shop.goes_on(60).await;

    world.answer(&format!("projections drop orders {} --execute", before.live), 2).await;
    world.answer(&format!("projections drop orders {} --execute", filled.generation), 0).await;
    let mut left = redis::cmd("KEYS");
    left.arg(format!("{{orders}}:g{}:*", filled.generation));
    let left: Vec<String> = left.query_async(&mut world.raw().await).await.expect("the keys");
    let mut after = world.generations().await;
    // That readers were led away from it is all that it tells.
    after.entries.values_mut().for_each(|entry| assert!(entry.left_ms.take().is_some()));
    assert_eq!((left, after), (Vec::new(), before));
}

/// Fills the next generation while its builders are killed by turns at random points, and the watchers come and go.
async fn fill(world: &World, shop: &Shop) -> Target {
    let slowly = format!("rebuild orders --execute --rate {}", shop.history() / 6);
    let watcher = world.ops(&slowly).kill_on_drop(true).spawn().expect("the ops binary");
    let generation = eventually("it is begun", SETTLED, async || world.generations().await.filling()).await;
    let target = Target { projection: ORDERS, generation };
    kill_builders(world, target).await;
    let listed = world.answer("projections ls orders", 0).await;
    assert!(listed["items"][1]["state"].as_str().expect("a state").contains("filling at"), "{listed}");
    // Somebody else joins in, and lifts the limit.
    world.answer("rebuild orders --execute --rate 0", 0).await;
    let answer = judged(&slowly, watcher.wait_with_output().await.expect("the first watcher"), 0);
    let said = answer["items"].as_array().expect("items").last().expect("the outcome")["state"].clone();
    assert!(said.as_str().expect("a state").starts_with("is filled"), "{said}");
    target
}

async fn kill_builders(world: &World, target: Target) {
    let (seed, kills) = (rand::random(), if testing::full() { FULL_KILLS } else { KILLS });
    let mut random = StdRng::seed_from_u64(seed);
    let end = world.applied(Target { generation: world.generations().await.live, ..target }).await;
    let mut points: Vec<_> = (0..kills).map(|_| random.random_range(0..end * 4 / 5)).collect();
    points.sort_unstable();
    for (point, builder) in points.into_iter().zip(["projector", "projector-2"].into_iter().cycle()) {
        let reached = eventually(&format!("it is filled up to {point} of {end}, seed {seed}"), SETTLED, async || {
            let reached = world.applied(target).await;
            (reached > point).then_some(reached)
        })
        .await;
        world.system.kill(builder).await.expect("a killed builder");
        assert!(world.generations().await.filling().is_some(), "killed before the end, seed {seed}");
        world.system.start(builder).await.expect("a builder that is ready again");
        assert!(world.applied(target).await >= reached, "it goes on where it was, seed {seed}");
    }
}

/// What one document shows wrongly is named, and nothing is switched, until it is put right.
async fn differ(world: &World, filled: Target) {
    let mut raw = world.raw().await;
    let mut some = redis::cmd("ZRANGE");
    some.arg(format!("{{orders}}:g{}:l:status:REJECTED", filled.generation)).arg(0).arg(0);
    let order: Vec<String> = some.query_async(&mut raw).await.expect("a list");
    let order = order.first().expect("an order that has ended");
    let document = format!("{{orders}}:g{}:d:{order}", filled.generation);
    let body: Vec<u8> = redis::cmd("HGET").arg(&document).arg("b").query_async(&mut raw).await.expect("a document");
    let set = async |body: &[u8]| {
        let mut set = redis::cmd("HSET");
        set.arg(&document).arg("b").arg(body).query_async::<()>(&mut raw.clone()).await.expect("a document");
    };
    set(br#"{"status":"PAID"}"#).await;
    for line in ["rebuild orders --verify", "projections switch orders --execute"] {
        let refused = world.answer(line, 2).await;
        let items = refused["items"].as_array().expect("items");
        let named: Vec<_> = items.iter().filter(|item| item["action"] == "refuse").map(|item| &item["name"]).collect();
        let whole = format!("orders g{}", filled.generation);
        assert_eq!(named, [&Value::from(whole.clone()), &Value::from(format!("{whole} {order}"))], "{line}: {refused}");
    }
    assert_ne!(world.generations().await.live, filled.generation);
    set(&body).await;
}
