//! Clients that mean harm, or do it anyway: everybody else is served as before, and what they cost is bounded.

#![expect(clippy::print_stdout, reason = "what it came to is worth reading")]

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use e2e::client::{Gateway, LoggedIn, Request, order_of};
use e2e::socket::Socket;
use futures::future::join_all;
use read_model::feeds::{Appended, Batch, Event};
use read_model::{ReadModel, RedisConfig, Source};
use reqwest::Method;
use runtime::{Process, Shutdown, clock, tasks};
use schemas::{EventId, OrderId, Position, Timestamp, UserId, Version};
use serde_json::json;
use stack::eventually;
use stack::testing::full;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::interval;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use uuid::Uuid;

use crate::journey::frame;
use crate::payments::counted;
use crate::world::{SETTLED, World};

/// Sockets that one user may have to one notifier.
const PER_USER: u32 = 20;
/// What is fed to each user whose sockets are stalled, in events of so many bytes: several times what the network holds.
const EVENTS: u32 = 64;
const BYTES: usize = 16_000;
/// What stalled sockets may cost: so much together, for the users' queues, and so much each.
const COST: u64 = 32 * 1024 * 1024;
const COST_EACH: u64 = 128 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn stalled_sockets_cost_little_and_are_closed_while_others_hear_at_once() {
    let world = World::enter().await;
    let count: u32 = if full() { 1_000 } else { 60 };
    let users = stallers(&world, count).await;
    let before = resident(&world, "notifier");
    let _stalled = stall_all(&world, &users).await;
    let opened = resident(&world, "notifier");
    let closed = ended(&world, TOO_SLOW).await;
    feed(&world, &users).await;
    let (sku, name) = (World::name("HEARD"), World::name("attentive"));
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let attentive = world.gateway.user(&name).await;
    let url = world.system.url("notifier").expect("a notifier");
    let mut socket = Socket::open(&world.gateway, url, &attentive, None).await.expect("a socket");
    let _ = frame(&mut socket, "hello").await;
    let began = clock::monotonic();
    let order = Request::by(&attentive).json(order_of(&attentive, &sku, 1));
    let _ = world.gateway.post("/commands/orders", order).await.expect(201);
    let _ = frame(&mut socket, "event").await;
    let heard = began.elapsed();
    let mut most = opened;
    eventually("every stalled socket is closed", SETTLED, async || {
        most = most.max(resident(&world, "notifier"));
        (ended(&world, TOO_SLOW).await >= closed + f64::from(count)).then_some(())
    })
    .await;
    println!(
        "{count} stalled sockets of {} users: the notifier's memory was {} MiB, {} MiB with all open, {} MiB at most; \
         another user heard of an order after {heard:?}",
        users.len(),
        mib(before),
        mib(opened),
        mib(most)
    );
    assert!(most - before <= cost(count), "stalled sockets cost {} MiB", mib(most - before));
}

/// What so many stalled sockets may cost.
fn cost(sockets: u32) -> u64 {
    COST + COST_EACH * u64::from(sockets)
}

/// As many users as need so many sockets.
async fn stallers(world: &World, sockets: u32) -> Vec<LoggedIn> {
    let mut users = Vec::new();
    for _ in 0..sockets / PER_USER {
        users.push(world.gateway.user(&World::name("stalled")).await);
    }
    users
}

/// All sockets that these users may have, as long as they are held.
async fn stall_all(world: &World, users: &[LoggedIn]) -> Vec<WebSocketStream<TcpStream>> {
    let mut stalled = Vec::new();
    for user in users {
        for _ in 0..PER_USER {
            stalled.push(stall(world, user).await);
        }
    }
    stalled
}

/// A socket to the notifier itself whose client takes next to nothing.
async fn stall(world: &World, user: &LoggedIn) -> WebSocketStream<TcpStream> {
    let address = world.system.url("notifier").expect("a notifier").trim_start_matches("http://").to_owned();
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 * 1024).expect("a small buffer");
    let stream = socket.connect(address.parse().expect("an address")).await.expect("a connection");
    let mut request = format!("ws://{address}/ws").into_client_request().expect("a request");
    let offer = HeaderValue::from_str(&format!("orderflow.v1, bearer.{}", user.token)).expect("a header");
    request.headers_mut().insert("sec-websocket-protocol", offer);
    tokio_tungstenite::client_async(request, stream).await.expect("a WebSocket").0
}

/// Feeds each of these users more than the network between them and the notifier holds.
async fn feed(world: &World, users: &[LoggedIn]) {
    let process = Process::new("e2e-feed", None);
    let config = RedisConfig { redis_url: world.system.addresses().redis_url.as_str().into() };
    let model = ReadModel::connect(&config, &process).expect("a read model");
    let source = Source { topic: "abuse".into(), partition: 0 };
    for user in users {
        let (owner, order) = (UserId::parse(&user.id).expect("an id"), OrderId::from_bits(Uuid::now_v7().as_u128()));
        let base = eventually("Redis answers", SETTLED, async || model.feeds_position(&source).await.ok()).await;
        let at = Timestamp::from_micros(clock::now_micros());
        let event = |version: u32| Event {
            stream: order.stream().clone(),
            version: Version(version),
            id: EventId(Uuid::now_v7()),
            at,
            owner: Some(owner.clone()),
            name: "OrderPlaced".to_owned(),
            seed_type: None,
            offset: base.next + i64::from(version),
            data: json!({ "note": "x".repeat(BYTES) }).to_string(),
            trace: None,
        };
        let events: Vec<_> = (1..=EVENTS).map(event).collect();
        let next = Position { next: base.next + i64::from(EVENTS), last: events.last().map(|event| event.id) };
        let batch = Batch { source: source.clone(), base, next, now: at, events };
        assert!(matches!(model.append_feeds(&batch).await, Ok(Appended::Done(_))), "the feed takes it");
    }
    process.shutdown.request();
}

/// Why the notifier ends a connection: its client takes too little, or went away.
const TOO_SLOW: &str = "too_slow";
const GONE: &str = "gone";

/// How many connections the notifier ended for this reason.
async fn ended(world: &World, reason: &str) -> f64 {
    counted(world, "notifier", &format!("notifier_connections_closed_total{{reason=\"{reason}\"}} ")).await
}

/// The resident memory of a process, in bytes.
fn resident(world: &World, name: &str) -> u64 {
    let pid = world.system.pid(name).expect("a process").expect("one that runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    kib.map_or(0, |kib: u64| kib * 1024)
}

const fn mib(bytes: u64) -> u64 {
    bytes / 1024 / 1024
}

/// How many strangers try to log in, per second.
const LOG_INS: u32 = 200;
/// Who place orders at the same time.
const BUYERS: usize = 4;
/// What the attacks meet: the flood the first two, the sockets the last.
const ATTACKED: [&str; 3] = ["command-api", "command-api-2", "notifier"];
/// What a flood of log-ins may cost each of the two: the memory of one hash, and requests that wait.
const FLOOD_COST: u64 = 64 * 1024 * 1024;
/// So many times as long as in quiet may an order take under attack. Only the full run is held to it: in any other the
/// machine may be busy with something else.
const SLOWER: u32 = 3;

/// Seen to fail when log-ins queue without end (`log-ins-queue-without-end`).
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_log_ins_does_not_keep_orders_from_being_placed() {
    let world = World::enter().await;
    let plan = if full() { FULL } else { ORDINARY };
    let sku = World::name("FLOOD");
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let user = world.gateway.user(&World::name("buyer")).await;
    let quiet = place(&world.gateway, &user, &sku, ("quiet", plan.rounds * plan.orders)).await;
    let stallers = stallers(&world, plan.sockets).await;
    let before = ATTACKED.map(|name| resident(&world, name));
    let stop = Shutdown::default();
    let flood = tasks::spawn("flood", flood(targets(&world), stop.clone()));
    let Besieged { took: flooded, memory, closed } = besieged(&world, plan, &stallers, (&user, &sku)).await;
    stop.request();
    let answers = flood.await.expect("the flood");
    let ratio = share(&flooded, 99).as_secs_f64() / share(&quiet, 99).as_secs_f64();
    println!(
        "{} orders: p50 {:?}, p99 {:?}; while {LOG_INS} a second tried to log in and {} sockets stalled: p50 {:?}, \
         p99 {:?}, {ratio:.1} times; the log-ins were answered {answers:?}; {closed} sockets were closed too early",
        quiet.len(),
        share(&quiet, 50),
        share(&quiet, 99),
        plan.sockets,
        share(&flooded, 50),
        share(&flooded, 99)
    );
    for ((name, before), during) in ATTACKED.into_iter().zip(before).zip(memory) {
        let allowed = if name == "notifier" { cost(plan.sockets) } else { FLOOD_COST };
        check_memory(name, before, during, allowed);
    }
    let others: Vec<_> = answers.keys().filter(|status| ![401, 429].contains(*status)).collect();
    assert_eq!(others, Vec::<&u16>::new(), "strangers are refused or told to come back: {answers:?}");
    assert!(answers.contains_key(&429), "the flood found no limit: {answers:?}");
    assert!(share(&flooded, 99) < Duration::from_secs(5), "orders wait behind log-ins");
    if full() {
        assert!(share(&flooded, 99) <= share(&quiet, 99) * SLOWER, "an order takes {ratio:.1} times as long");
    }
    let _ = world.settle().await;
}

/// How much of an attack there is. A stalled socket is closed in the end: a round is over before, and the next one has
/// sockets of its own.
#[derive(Clone, Copy)]
struct Plan {
    sockets: u32,
    rounds: usize,
    /// Of each buyer, in each round.
    orders: usize,
}

const ORDINARY: Plan = Plan { sockets: 40, rounds: 1, orders: 30 };
const FULL: Plan = Plan { sockets: 1_000, rounds: 5, orders: 30 };

/// What came of an attack.
struct Besieged {
    took: Vec<Duration>,
    /// The most that each of [`ATTACKED`] had.
    memory: [u64; ATTACKED.len()],
    /// How many sockets were closed before their round was over.
    closed: f64,
}

/// Orders while sockets stall, which are fed meanwhile. The full run sees at its end that they did stall.
async fn besieged(world: &World, plan: Plan, stallers: &[LoggedIn], (user, sku): (&LoggedIn, &str)) -> Besieged {
    let mut all = Besieged { took: Vec::new(), memory: [0; ATTACKED.len()], closed: 0.0 };
    for round in 0..plan.rounds {
        let stalled = stall_all(world, stallers).await;
        let (slow, gone) = (ended(world, TOO_SLOW).await, ended(world, GONE).await);
        let what = format!("flooded-{round}");
        let work =
            async { tokio::join!(place(&world.gateway, user, sku, (&what, plan.orders)), feed(world, stallers)).0 };
        let (took, memory) = remembering(world, work).await;
        all.closed += ended(world, TOO_SLOW).await - slow;
        all.took.extend(took);
        for (most, now) in all.memory.iter_mut().zip(memory) {
            *most = now.max(*most);
        }
        let count = f64::from(plan.sockets);
        if full() && round + 1 == plan.rounds {
            let all_slow = async || (ended(world, TOO_SLOW).await >= slow + count).then_some(());
            eventually("every stalled socket is closed", SETTLED, all_slow).await;
        }
        drop(stalled);
        // Before that there is no room for the next ones.
        let all_gone =
            async || (ended(world, TOO_SLOW).await + ended(world, GONE).await >= slow + gone + count).then_some(());
        eventually("no stalled socket is left", SETTLED, all_gone).await;
    }
    all.took.sort_unstable();
    all
}

/// Shows what an attack cost a process, and checks that it is no more than allowed.
fn check_memory(name: &str, before: u64, during: u64, allowed: u64) {
    println!("{name}'s memory was {} MiB, {} MiB at most under attack", mib(before), mib(during));
    let cost = during.saturating_sub(before);
    assert!(cost <= allowed, "the attack cost {name} {} MiB, more than {} MiB", mib(cost), mib(allowed));
}

/// What comes of the work, and the most memory that each of [`ATTACKED`] had meanwhile.
async fn remembering<T>(world: &World, work: impl Future<Output = T>) -> (T, [u64; ATTACKED.len()]) {
    let (mut work, mut pace) = (pin!(work), interval(Duration::from_millis(100)));
    let mut most = [0; ATTACKED.len()];
    loop {
        tokio::select! {
            done = &mut work => return (done, most),
            _ = pace.tick() => {
                for (most, name) in most.iter_mut().zip(ATTACKED) {
                    *most = (*most).max(resident(world, name));
                }
            }
        }
    }
}

/// Both instances themselves: whoever floods from many addresses passes the gateway's limits.
fn targets(world: &World) -> Vec<Gateway> {
    ["command-api", "command-api-2"].map(|name| Gateway::new(world.system.url(name).expect("a service"))).to_vec()
}

/// How long each of so many orders per buyer took, with all that it was told to come back; each is placed.
async fn place(gateway: &Gateway, user: &LoggedIn, sku: &str, (what, orders): (&str, usize)) -> Vec<Duration> {
    let buyer = async |buyer: usize| {
        let (mut took, mut pace) = (Vec::new(), interval(Duration::from_millis(40)));
        for number in 0..orders {
            pace.tick().await;
            let began = clock::monotonic();
            let key = format!("{what}-{buyer}-{number}");
            eventually("the order is placed", SETTLED, async || {
                let order = Request::by(user).with("idempotency-key", &key).json(order_of(user, sku, 1));
                let answer = gateway.post("/commands/orders", order).await;
                assert!(answer.status.is_success() || answer.status == 503, "{answer:?}");
                answer.status.is_success().then_some(())
            })
            .await;
            took.push(began.elapsed());
        }
        took
    };
    let mut took = join_all((0..BUYERS).map(buyer)).await.concat();
    took.sort_unstable();
    took
}

/// So many of a hundred took no longer.
fn share(sorted: &[Duration], percent: usize) -> Duration {
    *sorted.get(sorted.len() * percent / 100).or(sorted.last()).expect("orders")
}

/// Log-ins of strangers, each from another address, at an even pace whatever the answers; how often each status came.
async fn flood(targets: Vec<Gateway>, stop: Shutdown) -> BTreeMap<u16, usize> {
    let (mut pace, mut under_way) = (interval(Duration::from_secs(1) / LOG_INS), Vec::new());
    let targets = Arc::new(targets);
    for number in 0_u32.. {
        tokio::select! {
            _ = pace.tick() => {}
            () = stop.requested() => break,
        }
        let targets = Arc::clone(&targets);
        under_way.push(tasks::spawn("stranger", async move {
            let [_, a, b, c] = number.to_be_bytes();
            let body = json!({ "email": format!("stranger-{number}@example.com"), "password": "let me in please" });
            let request = Request::default().with("x-forwarded-for", format!("10.{a}.{b}.{c}")).json(body);
            let target = targets.get(usize::from(c) % targets.len()).expect("a target");
            target.send(Method::POST, "/api/v1/users/login", request).await.map_or(0, |answer| answer.status.as_u16())
        }));
    }
    let mut answers = BTreeMap::new();
    for status in join_all(under_way).await {
        *answers.entry(status.expect("a stranger")).or_default() += 1;
    }
    answers
}
