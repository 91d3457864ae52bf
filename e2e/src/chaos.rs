//! The fault rig: customers who go on whatever happens, a nemesis that kills, freezes and robs every process, sets clocks
//! and disturbs the lines to the servers, and a verdict that compares what the customers were told with everything that is stored.
//!
//! All choices come from one seed. When what happens is up to the machine, a seed repeats the attack, not the outcome.

mod customer;
mod diary;
mod lines;
mod listener;
mod nemesis;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use runtime::clock;
use runtime::tasks;
use schemas::StreamId;
use serde_json::json;
use stack::{Orderflow, Shape};

use crate::client::{Gateway, LoggedIn, Request};
use crate::observer::Observer;
use crate::provider;
use customer::Customer;
use diary::Diary;
use listener::Listener;
use nemesis::{Nemesis, Raid};
use verdict::Attack;

pub use lines::Lines;
pub use verdict::Report;

/// What a piece costs, in euro cents, and how many there are.
const PRICE: i64 = 250;
const PIECES: i64 = 100_000;
/// How long the system may take at least to settle when nothing is done to it any more; after a longer attack as long as
/// that was, because what was taken on meanwhile waits.
const SETTLED: Duration = Duration::from_secs(180);

/// One run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What all choices come from.
    pub seed: u64,
    /// How long the nemesis is at work.
    pub length: Duration,
    /// Customers; each has a socket open.
    pub customers: usize,
    /// Requests per second of each customer.
    pub rate: f64,
}

/// Starts a system with two of each service, to which nothing is spared: lines that are disturbed, clocks that are set.
pub async fn system(lines: &Lines) -> Orderflow {
    let shape = Shape { command_api: 2, relay: 0, projector: 2, query_api: 2, notifier: 2 };
    Orderflow::up_exposed(shape, |name, port| lines.open(name, port)).await
}

/// Runs a plan against this system and the lines that lead to its servers, waits until it has
/// settled, and judges. Panics only where the rig itself fails.
pub async fn run(system: &Orderflow, lines: &Lines, plan: Plan) -> Report {
    let gateway = Gateway::new(system.gateway());
    let diary = Arc::new(Diary::default());
    let admin = gateway.log_in(&system.admin().email, &system.admin().password).await;
    let goods = stock_up(&gateway, &admin, plan.seed).await;
    let mut customers = Vec::new();
    let mut listeners = Vec::new();
    for number in 0..plan.customers {
        let name = format!("chaos-{}-{number}", clock::now_micros());
        let user = gateway.user(&name).await;
        let seed = plan.seed ^ u64::try_from(number + 1).expect("a number of customers");
        let moods = StdRng::seed_from_u64(!seed);
        let listener = Listener::new(&gateway, system.gateway(), user.clone(), diary.clone(), moods);
        let customer = Customer::new(&gateway, &name, user, goods.clone(), diary.clone());
        listeners.push(tasks::spawn("listener", listener.listen()));
        customers.push((customer, StdRng::seed_from_u64(seed)));
    }
    diary.all_listen(plan.customers, SETTLED).await;
    let until = clock::monotonic() + plan.length;
    let shopping = customers.into_iter().map(|(customer, random)| customer.shop(random, until, plan.rate));
    let nemesis = Nemesis::new(system, lines, StdRng::seed_from_u64(plan.seed));
    let (_shopped, Raid { blows, fallen }) = tokio::join!(join_all(shopping), nemesis.rage(until));
    for what in fallen {
        diary.breach(None, what);
    }

    let recovery = recover(system, &diary).await;
    let observer = Observer::of(system).await;
    let (patience, begun) = (SETTLED.max(plan.length), clock::monotonic());
    let ledger = match observer.settle(patience).await {
        Ok(ledger) => ledger,
        Err(obstacle) => {
            let ledger = observer.ledger().await;
            let named = ledger.keys().find(|stream| obstacle.contains(stream.as_str()));
            diary.breach(named.map(StreamId::as_str), format!("the system does not settle: {obstacle}"));
            ledger
        }
    };
    let backlog = begun.elapsed();
    let charges = provider::charges(system).await;
    diary.close(&ledger, SETTLED).await;
    for listener in listeners {
        listener.abort();
    }
    verdict::judge(Attack { plan, blows, recovery, backlog }, &diary, &ledger, &charges)
}

/// Goods that everybody wants.
async fn stock_up(gateway: &Gateway, admin: &LoggedIn, seed: u64) -> Arc<[String]> {
    let mut goods = Vec::new();
    for number in 0..3 {
        let sku = format!("CHAOS-{seed}-{number}-{}", clock::now_micros());
        let _ = gateway.product(admin, &sku, PRICE).await;
        let received = Request::by(admin).json(json!({ "quantity": PIECES }));
        let _ = gateway.post(&format!("/commands/products/{sku}/stock"), received).await.expect(200);
        goods.push(sku);
    }
    goods.into()
}

/// Waits until every process is ready, and says how long that took.
async fn recover(system: &Orderflow, diary: &Diary) -> Duration {
    let began = clock::monotonic();
    for name in system.names() {
        if let Err(error) = system.ready(name).await {
            diary.breach(None, format!("{name} does not recover: {}", runtime::chain_in_lines(&error)));
        }
    }
    began.elapsed()
}
