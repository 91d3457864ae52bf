//! B8: each of our processes is killed while customers place orders, read them and listen, and is started again at once:
//! how long until nobody waits any more, and whether everybody was told everything once. Customers go by the gateway and
//! ask again, under the same key, until they are answered.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use e2e::client::{Answer, Gateway, LoggedIn, Request, order_of};
use e2e::socket::{Received, Socket};
use futures::future::{join, join_all};
use reqwest::Method;
use runtime::clock::{self, Instant};
use serde_json::Value;
use stack::within;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use uuid::Uuid;

use crate::case::{Case, Floor, Side};
use crate::load::{Call, open};
use crate::measure::{Meter, Round, Times, real};
use crate::plan::Plan;
use crate::report;
use crate::world::{PATIENCE, SKUS, Wanted, World};

/// What runs: fulfilment off.
const OURS: [Wanted<'_>; 4] =
    [("command-api", &[("ROLES", "http,relay")]), ("projector", &[]), ("query-api", &[]), ("notifier", &[])];
/// Within so many seconds after each was killed nobody waits any more: the relay's lease, the consumers' session, and
/// nothing, each and five seconds.
const LIMITS: [f64; 4] = [15.0, 11.0, 5.0, 11.0];
/// The share of the orders that must be told once.
const ALL: Floor = Floor::AtLeast(1.0);
/// Orders per second.
const RATE: f64 = 200.0;
/// Orders that may be waiting.
const WAITING: usize = 4_096;
const CUSTOMERS: usize = 8;
const ROUNDS: usize = 3;
/// Before anybody asks again, or opens a socket again.
const PAUSE: Duration = Duration::from_millis(50);
/// Whoever waits longer waits because somebody was killed.
const LATE: Duration = Duration::from_secs(1);
/// A socket that is told nothing for so long is opened again.
const SILENCE: Duration = Duration::from_secs(40);

/// Runs it.
pub(crate) async fn run(world: &World, plan: &Plan) -> Vec<Case> {
    world.only(&OURS).await;
    let shop = Shop::open(world).await;
    let mut cases = Vec::new();
    for (victim, limit) in OURS.into_iter().zip(LIMITS) {
        report::say(&format!("B8 recovery, {}", victim.0));
        let (mut side, mut waits, mut shares) = (Side::new("ours"), Vec::new(), Vec::new());
        for _ in 0..plan.rounds.min(ROUNDS) {
            let Outcome { round, recovered, once } = shop.open_during(plan, victim).await;
            side.rounds.push(round);
            waits.push(recovered.as_secs_f64());
            shares.push(once);
        }
        let load = format!("{} killed at {RATE:.0} orders/s", victim.0);
        let case = Case::new("B8", load, "orders", vec![side]);
        let case = case.figure("seconds until nobody waits longer than one", waits, Some(Floor::AtMost(limit)));
        cases.push(case.figure("share of the accepted orders that is told once, and shown", shares, Some(ALL)));
    }
    cases
}

/// A round, how long it took until the system had caught up, and the share of the orders that was told once.
struct Outcome {
    round: Round,
    recovered: Duration,
    once: f64,
}

/// When something was told of an order, each time.
type Told = Arc<Mutex<HashMap<String, Vec<Instant>>>>;

/// An order that was accepted: from when its time counts, and when its owner could read it.
struct Placed {
    order: String,
    due: Instant,
    shown: Instant,
}

struct Shop<'a> {
    world: &'a World,
    gateway: Gateway,
    customers: Vec<LoggedIn>,
    told: Told,
    listeners: Vec<JoinHandle<()>>,
}

impl<'a> Shop<'a> {
    /// Registers customers, and opens a socket for each.
    async fn open(world: &'a World) -> Self {
        let gateway = Gateway::new(world.system.gateway());
        let customers = join_all((0..CUSTOMERS).map(|_| world.customer())).await;
        let told = Told::default();
        let listening = customers.iter().map(async |customer| {
            let mut listener = Listener::new(world, customer, &told);
            let socket = listener.connect().await.expect("a socket");
            (listener, socket)
        });
        let listening = join_all(listening).await.into_iter();
        let listeners =
            listening.map(|(listener, socket)| runtime::tasks::spawn("listener", listener.listen(socket))).collect();
        Self { world, gateway, customers, told, listeners }
    }

    /// Takes orders, and has this process killed when a quarter of the time is over.
    async fn open_during(&self, plan: &Plan, victim: Wanted<'_>) -> Outcome {
        let (run, placed) = (Uuid::now_v7(), RefCell::new(Vec::new()));
        let others = OURS.iter().filter(|(name, _)| *name != victim.0).map(|(name, _)| self.world.pid(name));
        let meter = Meter::start(&others.collect::<Vec<_>>());
        let mut waiting = vec![(); WAITING];
        let load = open(&mut waiting, RATE, plan.recovery, async |(), call| {
            let order = self.place(call, &run).await;
            placed.borrow_mut().push(order);
        });
        let killing = async {
            sleep(plan.recovery / 4).await;
            let at = clock::monotonic();
            self.world.restart(victim).await;
            at
        };
        let (done, killed) = join(load, killing).await;
        let placed = placed.into_inner();
        let told = self.told(&placed).await;
        let first = |order: &Placed| told.get(&order.order).and_then(|times| times.first()).copied();
        let seen = |order: &Placed| Some((order.due, first(order)?.max(order.shown)));
        let seen: Vec<_> = placed.iter().filter_map(seen).collect();
        let mut times = Times::default();
        for (due, seen) in &seen {
            times.record(seen.duration_since(*due));
        }
        let is_told_once = |order: &&Placed| told.get(&order.order).is_some_and(|times| times.len() == 1);
        let once = placed.iter().filter(is_told_once).count();
        let share = |count: usize| real(u64::try_from(count).unwrap_or(u64::MAX)) / real(done.operations);
        let round = meter.stop(done.operations, Some(&times));
        Outcome { round, recovered: recovered(killed, &seen), once: share(once) }
    }

    /// Places an order, and reads it as soon as it was accepted.
    async fn place(&self, Call { number, begun }: Call, run: &Uuid) -> Placed {
        let turn = usize::try_from(number).unwrap_or_default() % self.customers.len();
        let customer = &self.customers[turn];
        let order = Request::by(customer).with("idempotency-key", format!("{run}-{number}"));
        let order = order.json(order_of(customer, SKUS[0], 1));
        let accepted = self.insist(Method::POST, "/commands/orders", &order).await;
        let (order, token) = (accepted.text("orderId"), accepted.header("consistency-token").unwrap_or_default());
        let question = Request::by(customer).with("consistency-token", token);
        let _ = self.insist(Method::GET, &format!("/queries/orders/{order}"), &question).await;
        Placed { order, due: begun, shown: clock::monotonic() }
    }

    /// Asks until the answer is a good one.
    async fn insist(&self, method: Method, path: &str, request: &Request) -> Answer {
        let answered = async || match self.gateway.send(method.clone(), path, request.clone()).await {
            Ok(answer) if answer.status.is_success() => Ok(answer),
            Ok(answer) if answer.status.is_server_error() => Err(answer.status.to_string()),
            Ok(answer) => panic!("{method} {path}: {answer:?}"),
            Err(error) => Err(runtime::chain_in_lines(&error)),
        };
        within(PATIENCE, answered).await.unwrap_or_else(|missing| panic!("{method} {path}: {missing}"))
    }

    /// Waits until each was told, if it ever is; when each was.
    async fn told(&self, placed: &[Placed]) -> HashMap<String, Vec<Instant>> {
        let told = || self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let all = async || {
            let told = told();
            let missing = placed.iter().filter(|placed| !told.contains_key(&placed.order)).count();
            if missing == 0 { Ok(()) } else { Err(format!("{missing} of {} orders are not told", placed.len())) }
        };
        if let Err(missing) = within(PATIENCE, all).await {
            report::say(&missing);
        }
        std::mem::take(&mut *told())
    }
}

impl Drop for Shop<'_> {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
    }
}

/// How long after a kill the last of those was served who waited for too long; if nobody did, how long somebody waited at
/// most.
fn recovered(killed: Instant, seen: &[(Instant, Instant)]) -> Duration {
    let after = || seen.iter().filter(|(_, seen)| *seen >= killed);
    let late = after().filter(|(due, seen)| seen.duration_since(*due) > LATE);
    let recovered = late.map(|(_, seen)| seen.duration_since(killed)).max();
    recovered.or_else(|| after().map(|(due, seen)| seen.duration_since(*due)).max()).unwrap_or_default()
}

/// A customer's socket, opened again where it was whenever it dies.
struct Listener {
    gateway: Gateway,
    url: String,
    customer: LoggedIn,
    cursor: Option<String>,
    told: Told,
}

impl Listener {
    fn new(world: &World, customer: &LoggedIn, told: &Told) -> Self {
        let url = world.system.gateway().to_owned();
        Self { gateway: Gateway::new(&url), url, customer: customer.clone(), cursor: None, told: Arc::clone(told) }
    }

    /// Opens the socket, and returns when it has said from where it tells.
    async fn connect(&mut self) -> Result<Socket, String> {
        let mut socket = Socket::open(&self.gateway, &self.url, &self.customer, self.cursor.as_deref()).await?;
        match socket.next(SILENCE).await? {
            Received::Frame(frame) => self.note(&frame),
            Received::Closed(code) => return Err(format!("closed with {code:?}")),
        }
        Ok(socket)
    }

    /// Listens until it is aborted.
    async fn listen(mut self, mut socket: Socket) {
        loop {
            while let Ok(Received::Frame(frame)) = socket.next(SILENCE).await {
                self.note(&frame);
            }
            socket = loop {
                sleep(PAUSE).await;
                if let Ok(socket) = self.connect().await {
                    break socket;
                }
            };
        }
    }

    fn note(&mut self, frame: &Value) {
        let (at, text) = (clock::monotonic(), |field: &str| frame.get(field).and_then(Value::as_str));
        if let Some(cursor) = text("cursor") {
            self.cursor = Some(cursor.to_owned());
        }
        if (text("frame"), text("type")) == (Some("event"), Some("OrderPlaced")) {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.entry(text("stream").unwrap_or_default().to_owned()).or_default().push(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_has_recovered_when_the_last_who_waited_too_long_is_served() {
        let begin = clock::monotonic();
        let at = |seconds: f64| begin + Duration::from_secs_f64(seconds);
        let recovered = |seen: &[(f64, f64)]| {
            let seen: Vec<_> = seen.iter().map(|(due, seen)| (at(*due), at(*seen))).collect();
            recovered(at(10.0), &seen).as_secs_f64()
        };
        let before = (1.0, 9.0);
        assert_eq!(recovered(&[before, (9.5, 14.0), (12.0, 15.0), (15.0, 15.5), (16.0, 16.25)]), 5.0);
        assert_eq!(recovered(&[before, (10.0, 10.25), (11.0, 11.75)]), 0.75);
        assert_eq!(recovered(&[before]), 0.0);
    }
}
