//! What grows with what is stored: the cost of an append, of the relay, of a query and of a page, at ever more orders; the
//! memory of each process; and a command on a long stream that nobody remembers.

use std::time::Duration;

use event_store::EventStore;
use redis::AsyncCommands as _;
use runtime::clock;
use serde_json::json;
use stack::within;
use uuid::Uuid;

use crate::case::{Case, Floor, Side};
use crate::http::Connection;
use crate::load::{Call, closed};
use crate::measure::{Meter, Quantiles, Round, memory, real};
use crate::plan::Plan;
use crate::world::{SKUS, World};
use crate::{orders, relay, report};

/// From ten thousand orders to a million a logarithm grows to one and a half times; the rest is for noise.
const FLOOR: Floor = Floor::AtMost(2.0);
/// Times that each cost is measured at each size, at most.
const ROUNDS: usize = 3;
/// Clients of each load.
const CLIENTS: usize = 32;
/// A replay of all orders takes no longer.
const PATIENCE: Duration = Duration::from_secs(600);
/// The store is that of the system, so that views and queries see its orders.
const DATABASE: &str = "orderflow";

/// An order's answer joins its payment; readers refuse a projection that nobody has filled.
const PROJECTED: &[(&str, &str)] = &[("PROJECTIONS", "orders,payments")];

/// What is measured at each size.
const COSTS: [&str; 4] = ["append", "relay", "query of one order", "page of 50 orders"];

/// Runs it.
pub(crate) async fn run(world: &World, plan: &Plan) -> Vec<Case> {
    let (store, producer) = (world.store(DATABASE).await, world.producer().await);
    let mut costs = COSTS.map(|what| Case::new("growth", what, "operations", Vec::new()));
    let mut memories = Vec::new();
    let mut stored = 0;
    for size in plan.growth {
        report::say(&format!("growth, {size} orders"));
        let sides = at(world, plan, (&store, &producer), (*size, size.saturating_sub(stored))).await;
        for (case, rounds) in costs.iter_mut().zip(sides) {
            case.sides.push(Side { name: format!("{size} orders"), rounds });
        }
        memories.push(remember(world, *size));
        stored = *size;
    }
    let grown = |case: Case| {
        let rates: Vec<_> = case.sides.iter().map(Side::rate).collect();
        let growth = rates.first().zip(rates.last()).map_or(f64::NAN, |(first, last)| first / last);
        case.figure("cost at the most orders / at the fewest", vec![growth], Some(FLOOR))
    };
    let mut cases: Vec<_> = costs.into_iter().map(grown).chain(memories).collect();
    cases.push(long_stream(world, plan).await);
    cases
}

/// Adds so many orders that there are `size`, and measures.
async fn at(
    world: &World,
    plan: &Plan,
    (store, log): (&EventStore, &bus::Producer),
    (size, more): (u32, u32),
) -> [Vec<Round>; 4] {
    world.only(&[]).await;
    let (mut rounds, times) = ([const { Vec::new() }; 4], plan.rounds.min(ROUNDS));
    relay::fill(store, more.saturating_sub(plan.backlog)).await;
    let _most = relay::drain(world, (store, log), more.saturating_sub(plan.backlog)).await;
    for _ in 0..times {
        rounds[0].push(append(world, plan, store).await);
    }
    let appended = store.outbox().backlog(u32::MAX).await.expect("a count");
    let _those = relay::drain(world, (store, log), u32::try_from(appended).unwrap_or(u32::MAX)).await;
    let share = plan.backlog.min(more) / u32::try_from(times).unwrap_or(1);
    for _ in 0..times {
        relay::fill(store, share).await;
        rounds[1].push(relay::drain(world, (store, log), share).await);
    }
    let token = project(world, size).await;
    let order = orders::commit();
    let _written = store.append(&order).await.expect("an append");
    let one = format!("/queries/orders/{}", order.stream);
    for _ in 0..times {
        rounds[2].push(ask(world, plan, (&one, &token)).await);
        rounds[3].push(ask(world, plan, ("/queries/orders?limit=50", &token)).await);
    }
    rounds
}

async fn append(world: &World, plan: &Plan, store: &EventStore) -> Round {
    let meter = Meter::start(&[World::me(), world.pid("mongodb")]);
    let mut callers = vec![(); CLIENTS];
    let done = closed(&mut callers, plan.window, async |(), _call| {
        let _written = store.append(&orders::commit()).await.expect("an append");
    });
    let done = done.await;
    meter.stop(done.operations, Some(&done.times))
}

/// Starts what writes and reads the views, and waits until at least so many orders are there; the admin's token.
async fn project(world: &World, least: u32) -> String {
    let writes: &[(&str, &str)] = &[("ROLES", "http,relay")];
    world.only(&[("command-api", writes), ("projector", PROJECTED), ("query-api", &[])]).await;
    let redis = world.redis().await;
    let there = async || {
        let listed: u64 = redis.clone().zcard("{orders}:g1:l:all").await.expect("the list of all orders");
        if listed >= u64::from(least) { Ok(()) } else { Err(format!("{listed} orders are in the views")) }
    };
    within(PATIENCE, there).await.unwrap_or_else(|missing| panic!("{missing}"));
    world.admin().await.token
}

async fn ask(world: &World, plan: &Plan, (path, token): (&str, &str)) -> Round {
    let mut connections = Connection::several(world.url("query-api"), CLIENTS).await;
    let readable = async || match Connection::open(world.url("query-api")).await.get(path, token).await.status {
        200 => Ok(()),
        status => Err(format!("{path} answers {status}")),
    };
    within(PATIENCE, readable).await.unwrap_or_else(|missing| panic!("{missing}"));
    let meter = Meter::start(&[world.pid("query-api"), world.pid("redis")]);
    let done = closed(&mut connections, plan.window, async |connection, _call| {
        assert_eq!(connection.get(path, token).await.status, 200, "{path}");
    });
    let done = done.await;
    meter.stop(done.operations, Some(&done.times))
}

/// Resident memory of whoever has to do with so many orders.
fn remember(world: &World, size: u32) -> Case {
    let names = ["command-api", "projector", "query-api", "mongodb", "kafka", "redis"];
    let mebibytes = |name| {
        let (_, pid) = world.pid(name);
        pid.map_or(f64::NAN, |pid| real(memory(pid) / 1024) / 1024.0)
    };
    let case = Case::new("growth", format!("memory at {size} orders"), "operations", Vec::new());
    names.into_iter().fold(case, |case, name| case.figure(&format!("MiB of {name}"), vec![mebibytes(name)], None))
}

/// One SKU's stock comes in piece by piece; then the process forgets everything, and one more piece comes in.
async fn long_stream(world: &World, plan: &Plan) -> Case {
    report::say(&format!("growth, a stream of {} events", plan.long_stream));
    let roles: &[(&str, &str)] = &[("ROLES", "http")];
    world.only(&[("command-api", roles)]).await;
    let admin = world.admin().await;
    let (path, run) = (format!("/commands/products/{}/stock", SKUS[2]), Uuid::now_v7());
    let receive = async |connection: &mut Connection, key: String| {
        let begun = clock::monotonic();
        let body = json!({ "quantity": 1 }).to_string();
        let answer = connection.post(&path, (&admin.token, &key), &body).await;
        assert!(answer.status < 300, "{}", String::from_utf8_lossy(answer.body));
        begun.elapsed().as_secs_f64() * 1_000.0
    };
    let mut connections = Connection::several(world.url("command-api"), CLIENTS).await;
    let mut sides = vec![Side::new("remembered"), Side::new("forgotten")];
    let mut received = 0;
    while received < plan.long_stream {
        let batch = received;
        let done = closed(&mut connections, plan.window, async |connection, Call { number, .. }| {
            let _took = receive(connection, format!("{run}-{batch}-{number}")).await;
        });
        received += u32::try_from(done.await.operations).unwrap_or(u32::MAX);
    }
    for round in 0..plan.rounds.min(ROUNDS) {
        world.only(&[("command-api", roles)]).await;
        let mut connection = Connection::open(world.url("command-api")).await;
        let forgotten = receive(&mut connection, format!("{run}-cold-{round}")).await;
        let remembered = receive(&mut connection, format!("{run}-warm-{round}")).await;
        for (side, took) in sides.iter_mut().zip([remembered, forgotten]) {
            let times = Some(Quantiles { p50: took, p99: took, p999: took });
            side.rounds.push(Round { operations: 1, seconds: took / 1_000.0, cpu: Vec::new(), times });
        }
    }
    Case::new("growth", format!("a command on a stream of {received} events"), "commands", sides)
}
