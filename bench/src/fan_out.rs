//! B5: what is told to many sockets: the catalogue to everybody, and an owner's feed to each of his or her devices;
//! beside a plain broadcaster of frames that were serialised once. And the memory of a socket that is told nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use e2e::client::LoggedIn;
use futures::StreamExt as _;
use futures::stream;
use serde_json::json;
use stack::within;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use uuid::Uuid;

use crate::case::{Case, Floor, Side};
use crate::http::Connection;
use crate::load::{Call, open};
use crate::measure::{Meter, Round, memory, real};
use crate::plan::Plan;
use crate::report;
use crate::rival::Rival;
use crate::world::{PATIENCE, SKUS, World, basket};

/// Deliveries per CPU, in times of the broadcaster's.
const FLOOR: Floor = Floor::AtLeast(0.5);
/// What an idle socket may cost, in KiB.
const IDLE: Floor = Floor::AtMost(20.0);
/// CPU per delivery that cannot be told from none, in microseconds.
const LEAST: f64 = 0.001;
/// Changes per second.
const RATE: f64 = 50.0;
/// Requests that may be under way.
const WAITING: usize = 32;
/// Devices of one owner.
const DEVICES: usize = 20;
/// Sockets that are opened at a time.
const OPENING: usize = 64;
/// About the size of a frame.
const BYTES: usize = 400;

/// Runs it.
pub(crate) async fn run(world: &World, plan: &Plan) -> Vec<Case> {
    report::say("B5 fan-out");
    let many: &[(&str, &str)] = &[("MAX_CONNECTIONS_PER_USER", "100000")];
    let writes: &[(&str, &str)] = &[("ROLES", "http,relay")];
    world.only(&[("command-api", writes), ("projector", &[]), ("notifier", many)]).await;
    let user = world.customer().await;
    let idle = idle(world, plan, &user).await;
    let told = [
        ("catalogue", plan.sockets, Change::Price(world.admin().await)),
        ("one owner's feed", plan.sockets.min(DEVICES), Change::Order(user.clone())),
    ];
    let mut cases = vec![idle];
    for (what, sockets, change) in told {
        report::say(&format!("B5 fan-out, {what}"));
        let (mut ours, mut rival) = (Side::new("ours"), Side::new("broadcaster"));
        for _ in 0..plan.rounds {
            ours.rounds.push(tell(world, plan, (&user, sockets), &change).await);
            rival.rounds.push(broadcast(plan, sockets).await);
        }
        let case = Case::new("B5", format!("{what}, {sockets} sockets"), "deliveries", vec![ours, rival]);
        let per_cpu = |round: &Round| round.cpu.first().map_or(f64::NAN, |server| 1.0 / server.micros.max(LEAST));
        cases.push(case.judged(1, "deliveries per CPU", Some(FLOOR), per_cpu));
    }
    cases
}

/// What makes something to be told of.
enum Change {
    /// An admin changes a price, which the catalogue shows.
    Price(LoggedIn),
    /// The owner places an order.
    Order(LoggedIn),
}

impl Change {
    const fn audience(&self) -> &'static str {
        match self {
            Self::Price(_) => "catalogue",
            Self::Order(_) => "owner",
        }
    }

    async fn make(&self, connection: &mut Connection, run: &Uuid, number: u64) {
        let key = format!("{run}-{number}");
        let answer = match self {
            Self::Price(admin) => {
                let price = json!({ "amount": 500 + number % 2, "currency": "EUR" }).to_string();
                let path = format!("/commands/products/{}/price", SKUS[0]);
                connection.post(&path, (&admin.token, &key), &price).await
            }
            Self::Order(user) => connection.post("/commands/orders", (&user.token, &key), &basket(user)).await,
        };
        assert!(answer.status < 300, "{}", String::from_utf8_lossy(answer.body));
    }
}

/// Memory of sockets that are told nothing.
async fn idle(world: &World, plan: &Plan, user: &LoggedIn) -> Case {
    let (_, pid) = world.pid("notifier");
    let pid = pid.expect("a notifier");
    let before = memory(pid);
    let meter = Meter::start(&[]);
    let sockets = Audience::open(world.url("notifier"), &user.token, "owner", plan.idle_sockets).await;
    sockets.told(1).await;
    let each = real(memory(pid).saturating_sub(before).max(1)) / 1024.0 / real(sockets.count());
    let opened = Side { name: "ours".to_owned(), rounds: vec![meter.stop(sockets.told.load(Ordering::Relaxed), None)] };
    let case = Case::new("B5", format!("{} idle sockets", plan.idle_sockets), "sockets opened", vec![opened]);
    case.figure("KiB of resident memory per idle socket", vec![each], Some(IDLE))
}

async fn tell(world: &World, plan: &Plan, (user, sockets): (&LoggedIn, usize), change: &Change) -> Round {
    let audience = Audience::open(world.url("notifier"), &user.token, change.audience(), sockets).await;
    audience.told(1).await;
    audience.quiet().await;
    let (run, before) = (Uuid::now_v7(), audience.told.load(Ordering::Relaxed));
    let mut connections = Connection::several(world.url("command-api"), WAITING).await;
    let meter = Meter::start(&[world.pid("notifier"), World::me()]);
    let done = open(&mut connections, RATE, plan.window, async |connection, Call { number, .. }| {
        change.make(connection, &run, number).await;
    });
    let _changes = done.await;
    audience.reached(before + audience.count()).await;
    let all = audience.quiet().await;
    meter.stop(all - before, None)
}

async fn broadcast(plan: &Plan, sockets: usize) -> Round {
    let rival = Rival::start(&["broadcast"]).await;
    let audience = Audience::open(rival.url(), "", "", sockets).await;
    let (mut connections, frame) = (Connection::several(rival.url(), WAITING).await, "x".repeat(BYTES));
    let meter = Meter::start(&[("rival", rival.pid()), World::me()]);
    let done = open(&mut connections, RATE, plan.window, async |connection, _call| {
        let answer = connection.post("/", ("", "-"), &frame).await;
        assert_eq!(answer.status, 200, "the broadcaster takes frames");
    });
    let frames = done.await.operations;
    audience.told(frames).await;
    meter.stop(audience.told.load(Ordering::Relaxed), None)
}

/// Sockets that count what they are told.
struct Audience {
    told: Arc<AtomicU64>,
    listeners: Vec<JoinHandle<()>>,
}

impl Audience {
    async fn open(url: &str, token: &str, audience: &str, sockets: usize) -> Self {
        let told = Arc::new(AtomicU64::new(0));
        let url = format!("{}/ws?audience={audience}", url.replacen("http", "ws", 1));
        let opening = stream::iter(0..sockets).map(|_| listen(&url, token, Arc::clone(&told)));
        let listeners = opening.buffer_unordered(OPENING).collect().await;
        Self { told, listeners }
    }

    /// How many sockets it has.
    fn count(&self) -> u64 {
        u64::try_from(self.listeners.len()).unwrap_or(u64::MAX)
    }

    /// Waits until each was told so many frames.
    async fn told(&self, frames: u64) {
        self.reached(self.count() * frames).await;
    }

    /// Waits until so many frames have come to all of them together.
    async fn reached(&self, wanted: u64) {
        let told = async || match self.told.load(Ordering::Relaxed) {
            told if told >= wanted => Ok(()),
            told => Err(format!("{told} of {wanted} frames have come")),
        };
        within(PATIENCE, told).await.unwrap_or_else(|missing| panic!("{missing}"));
    }

    /// Waits until nothing has come for a while; how many frames have come.
    async fn quiet(&self) -> u64 {
        loop {
            let before = self.told.load(Ordering::Relaxed);
            tokio::time::sleep(WHILE).await;
            if self.told.load(Ordering::Relaxed) == before {
                return before;
            }
        }
    }
}

/// Longer than a change needs to the sockets.
const WHILE: Duration = Duration::from_millis(300);

impl Drop for Audience {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
    }
}

async fn listen(url: &str, token: &str, told: Arc<AtomicU64>) -> JoinHandle<()> {
    let mut request = url.into_client_request().expect("a request");
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("a header");
    let _ = request.headers_mut().insert("authorization", bearer);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    runtime::tasks::spawn("listener", async move {
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Text(_)) {
                let _before = told.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
}
