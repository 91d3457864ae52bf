//! The system is changed under its users: services are restarted one by one, end altogether, or start before what they
//! need. Nobody loses anything; at worst, somebody is told to come back.

#![expect(clippy::print_stdout, reason = "what it came to is worth reading")]

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::client::{Answer, Gateway, LoggedIn, Request, order_of};
use e2e::ledger::Ledger;
use e2e::socket::{Received, Socket};
use futures::future::join_all;
use reqwest::Method;
use runtime::{Shutdown, clock, tasks};
use serde_json::{Value, json};
use stack::eventually;
use tokio::time::interval;

use crate::outages::readiness;
use crate::world::{SETTLED, World};

/// The services, each of which may be restarted while its twin works.
const SERVICES: [&str; 4] = ["command-api", "query-api", "notifier", "projector"];
/// It has no twin; only operators would miss it.
const ALONE: &str = "steward";
/// How long an end may take before it is forced.
const END_WITHIN: Duration = Duration::from_secs(25);
const WRITERS: usize = 4;
/// How often each client does something.
const PACE: Duration = Duration::from_millis(40);

/// Servers, by the names that readiness has for them; per service those that it cannot do without.
const NEEDS: [(&str, &[(&str, &str)]); 5] = [
    (
        "command-api",
        &[("mongodb", "mongodb"), ("mongodb", "vault"), ("kafka", "kafka"), ("registry", "schema-registry")],
    ),
    ("projector", &[("mongodb", "vault"), ("kafka", "kafka"), ("redis", "redis")]),
    ("query-api", &[("kafka", "kafka"), ("redis", "redis")]),
    ("notifier", &[("kafka", "kafka"), ("redis", "redis")]),
    (ALONE, &[("mongodb", "mongodb"), ("kafka", "kafka"), ("redis", "redis")]),
];

/// Seen to fail when a server cuts what is under way (`server-cuts-what-is-under-way`).
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_read_and_no_command_and_doubles_nothing() {
    let world = World::enter().await;
    let load = Load::start(&world, "ROLL").await;
    for name in instances() {
        let ended = stop(&world, &name).await;
        let began = clock::monotonic();
        world.system.start(&name).await.expect("a process that is ready again");
        if !name.starts_with("projector") && name != ALONE {
            // Its twin must not go before the gateway has noticed that this one is back.
            eventually(&format!("{name} is asked again"), SETTLED, async || is_asked(&world, &name).await).await;
        }
        println!("{name}: ended in {ended:?}, asked again {:?} after its start", began.elapsed());
    }
    let (tally, ledger) = load.end(&world).await;
    tally.check(&ledger);
    assert_eq!(tally.failed, Vec::<String>::new(), "reads and sockets must not notice");
    assert!(tally.changed > 0, "no change without a key took effect: {:?}", tally.again);
    let others: Vec<_> = tally.again.keys().filter(|answer| answer.as_str() != "503").collect();
    assert_eq!(others, Vec::<&String>::new(), "a command may be told to come back, nothing else: {:?}", tally.again);
    assert!(tally.closed.iter().all(|code| *code == Some(1012)), "sockets are told to come back: {:?}", tally.closed);
    assert!(!tally.closed.is_empty(), "whichever notifier held the socket ended once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_altogether_answers_what_it_took_and_loses_nothing() {
    let world = World::enter().await;
    let load = Load::start(&world, "END").await;
    let both = ["command-api", "command-api-2"];
    load.placed(20).await;
    join_all(both.map(|name| stop(&world, name))).await;
    load.refused().await;
    join_all(both.map(|name| world.system.start(name))).await.into_iter().for_each(|up| up.expect("ready again"));
    load.placed(20).await;
    let (tally, ledger) = load.end(&world).await;
    tally.check(&ledger);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_starts_first_says_what_it_waits_for_and_goes_on_without_a_restart() {
    let world = World::enter().await;
    let all = ["mongodb", "kafka", "registry", "redis"];
    start_without(&world, &all).await;
    if stack::testing::full() {
        for server in all {
            start_without(&world, &[server]).await;
        }
    }
    let (sku, name) = (World::name("FIRST"), World::name("first"));
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let user = world.gateway.user(&name).await;
    let _ = world.gateway.post("/commands/orders", Request::by(&user).json(order_of(&user, &sku, 1))).await.expect(201);
    let _ = world.settle().await;
}

/// Restarts every service while these servers are away, and then brings them back, in any order.
async fn start_without(world: &World, servers: &[&str]) {
    for server in servers {
        world.system.kill(server).await.expect("a killed server");
    }
    let names = instances();
    let ends = join_all(names.iter().map(|name| stop(world, name))).await;
    println!("without {servers:?} the processes ended in {ends:?}");
    for name in &names {
        world.system.start_only(name).expect("a process that was started");
    }
    for (service, needs) in NEEDS {
        for (_, dependency) in needs.iter().filter(|(server, _)| servers.contains(server)) {
            eventually(&format!("{service} says that {dependency} is away"), SETTLED, async || {
                let told = readiness(world, service, dependency).await;
                told.filter(|(ready, reason)| !ready && reason.is_some()).map(drop)
            })
            .await;
        }
    }
    let pids = || names.iter().map(|name| world.system.pid(name).expect("a process")).collect::<Vec<_>>();
    let before = pids();
    let mut order: Vec<_> = servers.to_vec();
    order.rotate_left(usize::try_from(clock::now_micros()).unwrap_or(0) % servers.len());
    for server in &order {
        world.system.start(server).await.expect("a server that is back");
    }
    for name in &names {
        world.system.ready(name).await.expect("a process that went on by itself");
    }
    assert_eq!(pids(), before, "none was restarted");
    println!("without {servers:?}, back in the order {order:?}: every process went on");
}

/// Both instances of every service, those that take commands first, and the steward.
pub(crate) fn instances() -> Vec<String> {
    let twins = SERVICES.into_iter().flat_map(|service| [service.to_owned(), format!("{service}-2")]);
    twins.chain([ALONE.to_owned()]).collect()
}

/// SIGTERM; how long the process took to end by itself.
pub(crate) async fn stop(world: &World, name: &str) -> Duration {
    let began = clock::monotonic();
    world.system.stop(name).await.expect("a process that ends");
    let took = began.elapsed();
    let log = std::fs::read_to_string(world.system.log(name).expect("a log")).expect("a readable log");
    let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    assert!(took < END_WITHIN && last.contains(" ends\""), "{name} did not end by itself: {last}");
    took
}

/// Whether the gateway sends requests to this process, which has just been started.
async fn is_asked(world: &World, name: &str) -> Option<()> {
    let url = format!("{}/metrics", world.system.admin_url(name).expect("an admin port"));
    let metrics = reqwest::get(url).await.ok()?.text().await.ok()?;
    metrics.contains("http_request_seconds_count{").then_some(())
}

/// What clients met.
#[derive(Debug, Default)]
struct Tally {
    user: String,
    /// The order behind each key.
    placed: BTreeMap<String, String>,
    /// What commands were told before they took effect, and how often.
    again: BTreeMap<String, usize>,
    /// Changes without a key that took effect.
    changed: usize,
    /// Reads that were answered.
    reads: usize,
    /// What must not happen.
    failed: Vec<String>,
    /// How sockets were closed.
    closed: Vec<Option<u16>>,
    slowest: Duration,
}

impl Tally {
    fn and(mut self, other: Self) -> Self {
        self.placed.extend(other.placed);
        for (what, count) in other.again {
            *self.again.entry(what).or_default() += count;
        }
        self.changed += other.changed;
        self.reads += other.reads;
        self.failed.extend(other.failed);
        self.closed.extend(other.closed);
        self.slowest = self.slowest.max(other.slowest);
        self
    }

    /// Each order that was acknowledged is there once, and no other.
    fn check(&self, ledger: &Ledger) {
        let mine = |owner: Option<&schemas::UserId>| owner.is_some_and(|owner| owner.as_str() == self.user);
        let events = ledger.values().flatten().filter(|event| event.event.name() == "OrderPlaced");
        let there: Vec<_> =
            events.filter(|event| mine(event.owner.as_ref())).map(|event| event.stream.to_string()).collect();
        let mut told: Vec<_> = self.placed.values().cloned().collect();
        told.sort_unstable();
        assert_eq!(there, told, "each acknowledged order is there once, and no other");
        println!(
            "{} orders, {} reads, sockets closed {:?}, commands told to come back {:?}, the slowest took {:?}",
            told.len(),
            self.reads,
            self.closed,
            self.again,
            self.slowest
        );
    }
}

/// Clients that write, read and listen, each at its pace, until they are told to stop.
struct Load {
    stop: Shutdown,
    clients: Vec<tokio::task::JoinHandle<Tally>>,
    placed: tokio::sync::watch::Receiver<usize>,
    refused: tokio::sync::watch::Receiver<usize>,
}

/// One of them.
#[derive(Clone)]
struct Client {
    gateway: Gateway,
    url: String,
    user: LoggedIn,
    sku: String,
    stop: Shutdown,
    placed: tokio::sync::watch::Sender<usize>,
    refused: tokio::sync::watch::Sender<usize>,
}

impl Load {
    async fn start(world: &World, what: &str) -> Self {
        let sku = World::name(what);
        let _ = world.gateway.product(&world.admin, &sku, 100).await;
        let user = world.gateway.user(&World::name("graceful")).await;
        let (stop, url) = (Shutdown::default(), world.system.gateway().to_owned());
        let ((placed, all_placed), (refused, all_refused)) =
            (tokio::sync::watch::channel(0), tokio::sync::watch::channel(0));
        let client = Client { gateway: world.gateway.clone(), url, user, sku, stop: stop.clone(), placed, refused };
        let mut clients: Vec<_> =
            (0..WRITERS).map(|number| tasks::spawn("writer", client.clone().write(number))).collect();
        clients.push(tasks::spawn("changer", client.clone().change()));
        clients.push(tasks::spawn("reader", client.clone().read()));
        clients.push(tasks::spawn("listener", client.listen()));
        Self { stop, clients, placed: all_placed, refused: all_refused }
    }

    /// Waits until so many more orders are placed.
    async fn placed(&self, more: usize) {
        grown(self.placed.clone(), more).await;
    }

    /// Waits until another command is told to come back.
    async fn refused(&self) {
        grown(self.refused.clone(), 1).await;
    }

    /// Stops the clients and lets everything settle.
    async fn end(self, world: &World) -> (Tally, Ledger) {
        self.stop.request();
        let mut all = Tally::default();
        for client in self.clients {
            let tally = client.await.expect("a client");
            all.user.clone_from(&tally.user);
            all = all.and(tally);
        }
        (all, world.settle().await)
    }
}

async fn grown(mut count: tokio::sync::watch::Receiver<usize>, more: usize) {
    let goal = *count.borrow() + more;
    let reached = tokio::time::timeout(SETTLED, count.wait_for(|count| *count >= goal)).await;
    assert!(reached.is_ok(), "the clients do not get on");
}

impl Client {
    fn tally(&self) -> Tally {
        Tally { user: self.user.id.clone(), ..Tally::default() }
    }

    /// Places orders, each until it is acknowledged, with one key.
    async fn write(self, number: usize) -> Tally {
        let (mut tally, mut pace) = (self.tally(), interval(PACE));
        while !self.stop.is_requested() {
            pace.tick().await;
            let (key, began) = (format!("{number}-{}", tally.placed.len()), clock::monotonic());
            let placed = tokio::time::timeout(SETTLED, self.place_in_the_end(&key, &mut tally)).await;
            let id = placed.expect("the order is acknowledged");
            tally.slowest = tally.slowest.max(began.elapsed());
            tally.placed.insert(key, id);
            self.placed.send_modify(|count| *count += 1);
        }
        tally
    }

    async fn place_in_the_end(&self, key: &str, tally: &mut Tally) -> String {
        let mut again = interval(PACE);
        loop {
            again.tick().await;
            if let Some(id) = self.place(key, tally).await {
                return id;
            }
        }
    }

    async fn place(&self, key: &str, tally: &mut Tally) -> Option<String> {
        let order = Request::by(&self.user).with("idempotency-key", key).json(order_of(&self.user, &self.sku, 1));
        let answer = self.gateway.send(Method::POST, "/commands/orders", order).await;
        let again = match answer {
            Ok(answer) if answer.status.is_success() => return Some(answer.text("orderId")),
            Ok(answer) => {
                assert!(is_retryable(&answer), "only what may be sent again may be refused: {answer:?}");
                answer.status.as_u16().to_string()
            }
            Err(error) => format!("no answer: {error}"),
        };
        *tally.again.entry(again).or_default() += 1;
        self.refused.send_modify(|count| *count += 1);
        None
    }

    /// Changes the profile, without a key.
    async fn change(self) -> Tally {
        let (mut tally, mut pace) = (self.tally(), interval(PACE));
        while !self.stop.is_requested() {
            pace.tick().await;
            let change = Request::by(&self.user).json(json!({ "firstName": "Grace" }));
            let told = match self.gateway.send(Method::PUT, "/api/v1/users/profile", change).await {
                Ok(answer) if answer.status.is_success() => {
                    tally.changed += 1;
                    continue;
                }
                Ok(answer) => answer.status.as_u16().to_string(),
                Err(error) => format!("no answer: {error}"),
            };
            *tally.again.entry(told).or_default() += 1;
        }
        tally
    }

    /// Reads the list, and asks for tickets.
    async fn read(self) -> Tally {
        let (mut tally, mut pace) = (self.tally(), interval(PACE / 2));
        while !self.stop.is_requested() {
            pace.tick().await;
            for (method, path, expected) in [(Method::GET, "/queries/orders", 200), (Method::POST, "/ws/tickets", 201)]
            {
                match self.gateway.send(method, path, Request::by(&self.user)).await {
                    Ok(answer) if answer.status.as_u16() == expected => tally.reads += 1,
                    other => tally.failed.push(format!("{path}: {other:?}")),
                }
            }
        }
        tally
    }

    /// Listens, and comes back when the socket is closed.
    async fn listen(self) -> Tally {
        let mut tally = self.tally();
        while !self.stop.is_requested() {
            let mut socket = match Socket::open(&self.gateway, &self.url, &self.user, None).await {
                Ok(socket) => socket,
                Err(error) => {
                    tally.failed.push(format!("a socket: {error}"));
                    continue;
                }
            };
            loop {
                tokio::select! {
                    received = socket.next(SETTLED) => match received.expect("a frame or an end") {
                        Received::Frame(_) => {}
                        Received::Closed(code) => {
                            tally.closed.push(code);
                            break;
                        }
                    },
                    () = self.stop.requested() => break,
                }
            }
        }
        tally
    }
}

fn is_retryable(answer: &Answer) -> bool {
    answer.body.get("retryable") == Some(&Value::Bool(true)) && answer.header("retry-after").is_some()
}
