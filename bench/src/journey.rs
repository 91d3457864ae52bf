//! B6: from a command to its frame on the customer's socket, with the views written meanwhile, everything on one machine.
//! How many per second at most, and how long it takes at parts of that; beside the sum of what the stages take alone.

use uuid::Uuid;

use crate::case::{Case, Floor, Side};
use crate::crowd::{Crowd, Placed};
use crate::http::Connection;
use crate::load::{closed, open};
use crate::measure::{Meter, Quantiles, Round, real};
use crate::plan::Plan;
use crate::report;
use crate::stages::Stages;
use crate::world::{World, basket};

/// Clients that find out what the most is, and that may be waiting in an open load.
const CLIENTS: usize = 64;
const WAITING: usize = 512;
/// Parts of the most, in percent, and whether the stages are measured too.
const SHARES: [(u32, bool); 4] = [(25, true), (50, true), (75, true), (90, false)];
const P50: Floor = Floor::AtMost(2.0);
const P99: Floor = Floor::AtMost(4.0);
/// Loads last longer than elsewhere, so that a percentile of 99.9 means something, and there are fewer rounds.
const WINDOWS: u32 = 2;
const ROUNDS: usize = 3;

/// Runs it: fulfilment off.
pub(crate) async fn run(world: &World, plan: &Plan) -> Vec<Case> {
    report::say("B6 end to end");
    let writes: &[(&str, &str)] = &[("ROLES", "http,relay")];
    world.only(&[("command-api", writes), ("projector", &[]), ("query-api", &[]), ("notifier", &[])]).await;
    let crowd = Crowd::gather(world, &["OrderPlaced"]).await;
    let stages = Stages::prepare(world).await;
    let rounds = plan.rounds.min(ROUNDS);
    let mut most = Side::new("ours");
    for _ in 0..rounds {
        most.rounds.push(flood(world, plan, &crowd).await);
    }
    let capacity = most.rate();
    let cores = real(u64::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap_or(1));
    let per_core = most.rounds.iter().map(|round| round.rate() / cores).collect();
    let case = Case::new("B6", format!("{CLIENTS} clients, no pause"), "orders", vec![most]);
    let mut cases = vec![case.figure("orders/s per core, placed and visible", per_core, None)];
    for (share, against_stages) in SHARES {
        let rate = capacity * f64::from(share) / 100.0;
        report::say(&format!("B6 end to end, {share} % = {rate:.0} orders/s"));
        let (mut ours, mut raw) = (Side::new("ours"), Side::new("stages alone"));
        for _ in 0..rounds {
            ours.rounds.push(drizzle(world, plan, &crowd, rate).await);
            if against_stages {
                raw.rounds.push(stages.measure(rate, plan.window / 2).await);
            }
        }
        cases.push(judged(share, ours, raw));
    }
    cases
}

fn judged(share: u32, ours: Side, raw: Side) -> Case {
    let load = format!("{share} % of capacity, open loop");
    if raw.rounds.is_empty() {
        return Case::new("B6", load, "orders", vec![ours]);
    }
    let time = |of: fn(&Quantiles) -> f64| move |round: &Round| round.times.as_ref().map_or(f64::NAN, of);
    let case = Case::new("B6", load, "orders", vec![ours, raw]);
    let case = case.judged(1, "p50", Some(P50), time(|times| times.p50));
    case.judged(1, "p99", Some(P99), time(|times| times.p99))
}

fn processes(world: &World) -> [(&'static str, Option<u32>); 7] {
    ["command-api", "projector", "notifier", "mongodb", "kafka", "redis", "bench"].map(|name| match name {
        "bench" => World::me(),
        name => world.pid(name),
    })
}

/// As many as there can be: until the last of them is told and readable.
async fn flood(world: &World, plan: &Plan, crowd: &Crowd) -> Round {
    let mut connections = Connection::several(world.url("command-api"), CLIENTS).await;
    let (run, placed) = (Uuid::now_v7(), Placed::default());
    let meter = Meter::start(&processes(world));
    let window = plan.window * WINDOWS;
    let done = closed(&mut connections, window, async |connection, call| {
        crowd.place(connection, call, (&run, &placed), basket).await;
    });
    let operations = done.await.operations;
    let last = placed.orders().pop();
    let times = crowd.told(placed).await;
    if let Some(order) = last {
        readable(world, crowd, &order).await;
    }
    meter.stop(operations, Some(&times))
}

/// Waits until an order can be read by whoever placed it.
async fn readable(world: &World, crowd: &Crowd, order: &str) {
    let (mut queries, path) = (Connection::open(world.url("query-api")).await, format!("/queries/orders/{order}"));
    let begun = runtime::clock::monotonic();
    loop {
        for customer in &crowd.customers {
            if queries.get(&path, &customer.token).await.status == 200 {
                return;
            }
        }
        assert!(begun.elapsed() < crate::world::PATIENCE, "{order} cannot be read");
    }
}

/// So many per second, whatever they take.
async fn drizzle(world: &World, plan: &Plan, crowd: &Crowd, rate: f64) -> Round {
    let mut connections = Connection::several(world.url("command-api"), WAITING).await;
    let (run, placed) = (Uuid::now_v7(), Placed::default());
    let meter = Meter::start(&processes(world));
    let done = open(&mut connections, rate, plan.window * WINDOWS, async |connection, call| {
        crowd.place(connection, call, (&run, &placed), basket).await;
    });
    let operations = done.await.operations;
    assert_eq!(placed.count(), operations, "every order was accepted");
    let times = crowd.told(placed).await;
    meter.stop(operations, Some(&times))
}
