//! B7: a projection is filled anew from the log beside the one that readers see, readers are switched to it, and the old
//! one is dropped, all while somebody reads; beside the plain pipeline of B3, in a database of Redis that nobody reads.

use std::cell::Cell;
use std::time::Duration;

use futures::future::{join, join_all};
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use stack::within;
use tokio::process::Command;
use tokio::time::interval;

use crate::case::{Case, Floor, Side};
use crate::http::Connection;
use crate::measure::{Meter, Round, real};
use crate::plan::Plan;
use crate::replay::{self, PARTITIONS, Stored};
use crate::world::{PATIENCE, Wanted, World};
use crate::{query, report};

const FLOOR: Floor = Floor::AtLeast(0.5);
/// The share of the reads that must be answered.
const ALL: Floor = Floor::AtLeast(1.0);
const ROUNDS: usize = 2;
/// Who reads meanwhile, and the pause of each between two reads.
const READERS: usize = 8;
const PAUSE: Duration = Duration::from_millis(80);
/// A million events are filled in within this time.
const FILLED: Duration = Duration::from_secs(600);
/// An order's answer joins its payment.
const SERVING: [Wanted<'_>; 2] = [("projector", &[("PROJECTIONS", "orders,payments")]), ("query-api", &[])];
const LIVE: &str = "{orders}:live";
const GENERATIONS: &str = "{orders}:generations";

/// Runs it.
pub(crate) async fn run(world: &World, plan: &Plan) -> Vec<Case> {
    report::say(&format!("B7 rebuild, {} events", plan.rebuild));
    world.only(&[]).await;
    let mut redis = world.redis().await;
    let _: () = redis.flushall().await.expect("an empty Redis");
    let (path, token) = query::an_order(world).await;
    let there = u32::try_from(replay::records(world)).unwrap_or(u32::MAX);
    replay::publish(world, plan.rebuild.saturating_sub(there)).await;
    let total = replay::records(world);
    let documents = replay::documents(plan);
    let mut sides = vec![Side::new("ours"), Side::new("plain pipeline")];
    let (asked, answered) = (Cell::new(0), Cell::new(0));
    for _ in 0..plan.rounds.min(ROUNDS) {
        world.only(&SERVING).await;
        let live = generation(&redis).await;
        let _done = replay::reached(&redis, live, total, FILLED).await;
        let over = Cell::new(false);
        let reading = read(world, (&path, &token), (&asked, &answered), &over);
        let work = async {
            let round = rebuild(world, &redis, live, total).await;
            over.set(true);
            round
        };
        let (round, ()) = join(work, reading).await;
        sides[0].rounds.push(round);
        world.only(&[]).await;
        sides[1].rounds.push(write_elsewhere(world, &documents).await);
    }
    let _: () = redis.flushall().await.expect("an empty Redis");
    let case = Case::new("B7", format!("{PARTITIONS} partitions, {total} events"), "events", sides);
    let share = real(answered.get()) / real(asked.get());
    let case = case.throughput(1, Some(FLOOR));
    vec![case.figure(&format!("share of {} reads that were answered meanwhile", asked.get()), vec![share], Some(ALL))]
}

/// The generation that readers see.
async fn generation(redis: &MultiplexedConnection) -> u32 {
    let live: Option<u32> = redis.clone().get(LIVE).await.expect("an answer of Redis");
    live.expect("a generation that is live")
}

/// Fills the next generation, switches to it, and drops the one before. Measured is the filling, as B3 does it.
async fn rebuild(world: &World, redis: &MultiplexedConnection, live: u32, total: u64) -> Round {
    let mut watcher = ops(world, "rebuild orders --rate 0 --execute").spawn().expect("the ops binary");
    let begun = async || {
        let last: u32 = redis.clone().hget(GENERATIONS, "last").await.expect("the generations");
        (last > live).then_some(last).ok_or_else(|| "no other generation is begun".to_owned())
    };
    let next = within(PATIENCE, begun).await.unwrap_or_else(|missing| panic!("{missing}"));
    let first = replay::reached(redis, next, total / 10, FILLED).await;
    let meter = Meter::start(&[world.pid("projector"), world.pid("redis"), world.pid("query-api")]);
    let last = replay::reached(redis, next, total, FILLED).await;
    let round = meter.stop(last - first, None);
    assert!(watcher.wait().await.expect("its end").success(), "the generation is filled");
    carry_out(world, "projections switch orders --execute").await;
    assert_eq!(generation(redis).await, next, "readers see the new generation");
    carry_out(world, &format!("projections drop orders {live} --execute")).await;
    round
}

/// The operators' command line.
fn ops(world: &World, line: &str) -> Command {
    let operator = world.system.operator().unwrap_or_else(|error| panic!("{}", runtime::chain_in_lines(&error)));
    let mut command = Command::from(operator);
    let _ = command.args(line.split(' ')).args(["--output", "json"]).kill_on_drop(true);
    let _ = command.stdout(std::process::Stdio::null());
    command
}

async fn carry_out(world: &World, line: &str) {
    let status = ops(world, line).status().await.expect("the ops binary");
    assert!(status.success(), "ops {line}: {status}");
}

/// Reads one order all the time, until it is over.
async fn read(
    world: &World,
    (path, token): (&str, &str),
    (asked, answered): (&Cell<u64>, &Cell<u64>),
    over: &Cell<bool>,
) {
    let mut connections = Connection::several(world.url("query-api"), READERS).await;
    let readers = connections.iter_mut().map(async |connection| {
        let mut time_to_read = interval(PAUSE);
        while !over.get() {
            let _now = time_to_read.tick().await;
            asked.set(asked.get() + 1);
            if connection.get(path, token).await.status == 200 {
                answered.set(answered.get() + 1);
            }
        }
    });
    let _done = join_all(readers).await;
}

async fn write_elsewhere(world: &World, documents: &[Stored]) -> Round {
    let mut elsewhere = world.redis().await;
    let _: () = redis::cmd("SELECT").arg(1).query_async(&mut elsewhere).await.expect("another database");
    let round = replay::write(world, &elsewhere, documents).await;
    let _: () = redis::cmd("FLUSHDB").query_async(&mut elsewhere).await.expect("an empty database");
    round
}
