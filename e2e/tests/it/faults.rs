//! Each part is killed once under load and started again: nothing is lost, nothing happens twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use e2e::client::{Gateway, LoggedIn, Request, order_of};
use e2e::socket::{Received, Socket};
use futures::future::join_all;
use reqwest::Method;
use runtime::tasks;
use serde_json::{Value, json};
use stack::eventually;
use tokio::sync::{Semaphore, watch};

use crate::journey::frame;
use crate::world::{SETTLED, World};

const CLIENTS: usize = 6;
/// Orders before, during and after each blow: few enough for the feed's window of 1,000 entries.
const ORDERS: usize = 40;

/// Seen to fail when the relay removes marks without waiting for the log (`relay-marks-before-the-acks`).
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_relay_loses_and_doubles_nothing() {
    survive(&["command-api", "command-api-2"]).await;
}

/// Seen to fail when the position moves before the views (`views-move-the-position-first`), and when events that were
/// applied are applied again (`fold-applies-duplicates`).
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_projector_loses_and_doubles_nothing() {
    survive(&["projector", "projector-2"]).await;
}

/// Seen to fail when a socket that comes back goes on at the end of the feed (`sockets-resume-at-the-end`).
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_notifier_loses_and_doubles_nothing() {
    survive(&["notifier", "notifier-2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_redis_loses_and_doubles_nothing() {
    survive(&["redis"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_kafka_loses_and_doubles_nothing() {
    survive(&["kafka"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_mongodb_loses_and_doubles_nothing() {
    survive(&["mongodb"]).await;
}

/// Kills and restarts each of these under load, then compares what clients were told with what is there.
async fn survive(victims: &[&str]) {
    let world = World::enter().await;
    let sku = World::name("FAULT");
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let user = world.gateway.user(&World::name("fault")).await;
    let (acknowledged, count) = watch::channel(0);
    let allowed = Arc::new(Semaphore::new(0));
    let load = Load { gateway: world.gateway.clone(), user: user.clone(), sku, acknowledged, allowed: allowed.clone() };
    let (mut listener, mut told_so_far) = Listener::open(&world, user.clone()).await;
    let heard = tasks::spawn("listener", async move { listener.listen().await });
    let mut script = Script { allowed, count, expected: 0 };
    let blows = async {
        for victim in victims {
            script.orders(ORDERS, 0).await;
            // The blow falls while half of these are still to come.
            script.orders(ORDERS, ORDERS / 2).await;
            world.system.kill(victim).await.expect("a killed process");
            world.system.start(victim).await.expect("a process that is ready again");
            script.orders(ORDERS, 0).await;
        }
        script.allowed.close();
    };
    let (orders, ()) = tokio::join!(load.run(), blows);

    let ledger = world.settle().await;
    let placed = ledger.values().flatten().filter(|event| {
        event.event.name() == "OrderPlaced" && event.owner.as_ref().is_some_and(|owner| owner.as_str() == user.id)
    });
    let placed: Vec<String> = placed.map(|event| event.stream.to_string()).collect();
    let mut told: Vec<String> = orders.into_values().collect();
    told.sort_unstable();
    assert_eq!(placed, told, "each acknowledged order is there once, and no other");
    let all = tokio::time::timeout(SETTLED, told_so_far.wait_for(|heard| *heard >= told.len()));
    assert!(all.await.is_ok(), "of {} orders only {} were told", told.len(), *told_so_far.borrow());
    let _ = world.gateway.post("/api/v1/users/logout", Request::by(&user)).await.expect(204);
    let mut heard = heard.await.expect("the listener");
    heard.sort_unstable();
    assert_eq!(heard, told, "each order was told once");
}

/// Lets the clients place orders, and waits for their answers.
struct Script {
    allowed: Arc<Semaphore>,
    count: watch::Receiver<usize>,
    expected: usize,
}

impl Script {
    /// So many orders more; returns when all but `pending` of the orders so far are acknowledged.
    async fn orders(&mut self, more: usize, pending: usize) {
        self.expected += more;
        self.allowed.add_permits(more);
        let goal = self.expected - pending;
        let reached = tokio::time::timeout(SETTLED, self.count.wait_for(|count| *count >= goal));
        assert!(reached.await.is_ok(), "orders are no longer accepted");
    }
}

/// Clients that place orders and repeat each, with its key, until it is acknowledged.
struct Load {
    gateway: Gateway,
    user: LoggedIn,
    sku: String,
    acknowledged: watch::Sender<usize>,
    allowed: Arc<Semaphore>,
}

impl Load {
    /// The order behind each key.
    async fn run(self) -> BTreeMap<String, String> {
        let orders = join_all((0..CLIENTS).map(|client| self.client(client))).await;
        orders.into_iter().flatten().collect()
    }

    async fn client(&self, client: usize) -> Vec<(String, String)> {
        let mut orders = Vec::new();
        while let Ok(permit) = self.allowed.acquire().await {
            permit.forget();
            let key = format!("{client}-{}", orders.len());
            let id = eventually("the order is acknowledged", SETTLED, async || self.place(&key).await).await;
            orders.push((key, id));
            self.acknowledged.send_modify(|count| *count += 1);
        }
        orders
    }

    async fn place(&self, key: &str) -> Option<String> {
        let place = Request::by(&self.user).with("idempotency-key", key).json(order_of(&self.user, &self.sku, 1));
        let answer = self.gateway.send(Method::POST, "/commands/orders", place).await.ok()?;
        match answer.status.as_u16() {
            200 | 201 => Some(answer.text("orderId")),
            429 | 500.. => None,
            _ => panic!("a retry must not be refused: {answer:?}"),
        }
    }
}

/// A socket that is opened again at its cursor whenever it dies, until its session ends.
struct Listener {
    gateway: Gateway,
    url: String,
    user: LoggedIn,
    cursor: Option<String>,
    next: u64,
    heard: Vec<String>,
    count: watch::Sender<usize>,
}

impl Listener {
    /// A listener that knows where it began.
    async fn open(world: &World, user: LoggedIn) -> (Self, watch::Receiver<usize>) {
        let (gateway, url) = (world.gateway.clone(), world.system.gateway().to_owned());
        let mut socket = Socket::open(&gateway, &url, &user, None).await.expect("a socket");
        let hello = frame(&mut socket, "hello").await;
        let (count, counted) = watch::channel(0);
        let mut listener = Self { gateway, url, user, cursor: None, next: 1, heard: Vec::new(), count };
        listener.note(&hello);
        (listener, counted)
    }

    /// The orders that were told, each as often as it was.
    async fn listen(&mut self) -> Vec<String> {
        loop {
            let socket = Socket::open(&self.gateway, &self.url, &self.user, self.cursor.as_deref()).await;
            match socket {
                Ok(mut socket) => {
                    while let Ok(Received::Frame(frame)) = socket.next(Duration::from_secs(40)).await {
                        self.note(&frame);
                    }
                }
                Err(_) if self.gone().await => return std::mem::take(&mut self.heard),
                Err(_) => {}
            }
        }
    }

    /// Whether the session was ended.
    async fn gone(&self) -> bool {
        let answer = self.gateway.send(Method::POST, "/ws/tickets", Request::by(&self.user)).await;
        answer.is_ok_and(|answer| answer.status.as_u16() == 401)
    }

    fn note(&mut self, frame: &Value) {
        let kind = frame.get("frame").and_then(Value::as_str).unwrap_or_default();
        let text = |field: &str| frame.get(field).and_then(Value::as_str).map(str::to_owned);
        match kind {
            "hello" if self.cursor.is_none() => self.cursor = text("cursor"),
            "hello" => assert_eq!(frame.get("recovered"), Some(&json!(true)), "the feed was lost: {frame}"),
            "event" => {
                assert_eq!(frame.get("seq"), Some(&json!(self.next)), "a gap or a repetition in the feed: {frame}");
                self.next += 1;
                self.cursor = text("cursor").or(self.cursor.take());
                // What becomes of the order later is told as well; the sequence covers it.
                if text("type").as_deref() == Some("OrderPlaced") {
                    self.heard.push(text("stream").expect("a stream"));
                    self.count.send_replace(self.heard.len());
                }
            }
            other => panic!("a frame {other} is not expected here: {frame}"),
        }
    }
}
