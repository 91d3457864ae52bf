//! Customers with a socket each, who note when something is told of an order.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use e2e::client::{Gateway, LoggedIn};
use e2e::socket::{Received, Socket};
use futures::future::join_all;
use runtime::clock::{self, Instant};
use serde_json::Value;
use stack::within;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::http::Connection;
use crate::load::Call;
use crate::measure::Times;
use crate::world::{PATIENCE, World};

/// How many customers: each has a feed of his or her own.
const CUSTOMERS: usize = 8;
/// A socket that is told nothing for so long is not waited for.
const SILENCE: Duration = Duration::from_secs(600);

/// The customers and what they have seen.
#[derive(Debug)]
pub(crate) struct Crowd {
    /// Who they are.
    pub(crate) customers: Vec<LoggedIn>,
    seen: Seen,
    listeners: Vec<JoinHandle<()>>,
}

/// When something was told of an order first.
type Seen = Arc<Mutex<HashMap<String, Instant>>>;

/// Orders that were placed, and from when their time counts.
#[derive(Debug, Default)]
pub(crate) struct Placed(RefCell<Vec<(String, Instant)>>);

impl Crowd {
    /// Registers them and opens their sockets. They note frames of these types, and snapshots.
    pub(crate) async fn gather(world: &World, kinds: &'static [&'static str]) -> Self {
        let customers = join_all((0..CUSTOMERS).map(|_| world.customer())).await;
        let seen = Seen::default();
        let url = world.url("notifier");
        let gateway = Gateway::new(url);
        let mut listeners = Vec::new();
        for customer in &customers {
            let socket = Socket::open(&gateway, url, customer, None).await.expect("a socket");
            listeners.push(runtime::tasks::spawn("listener", listen(socket, Arc::clone(&seen), kinds)));
        }
        Self { customers, seen, listeners }
    }

    /// Places the order of this call, by whoever's turn it is, at the command API.
    pub(crate) async fn place(
        &self,
        connection: &mut Connection,
        call: Call,
        (run, placed): (&Uuid, &Placed),
        basket: impl Fn(&LoggedIn) -> String,
    ) {
        let turn = usize::try_from(call.number).unwrap_or_default() % self.customers.len();
        let Some(customer) = self.customers.get(turn) else { return };
        let key = format!("{run}-{}", call.number);
        let answer = connection.post("/commands/orders", (&customer.token, &key), &basket(customer)).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(answer.body));
        let body: Value = serde_json::from_slice(answer.body).expect("JSON");
        let order = body.get("orderId").and_then(Value::as_str).expect("an order's id");
        placed.0.borrow_mut().push((order.to_owned(), call.begun));
    }

    /// Waits until all of these were told; how long that took since each was begun.
    pub(crate) async fn told(&self, placed: Placed) -> Times {
        let placed = placed.0.into_inner();
        let all = async || {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = placed.iter().filter(|(order, _)| !seen.contains_key(order)).count();
            if missing == 0 { Ok(()) } else { Err(format!("{missing} of {} orders are not told", placed.len())) }
        };
        within(PATIENCE, all).await.unwrap_or_else(|missing| panic!("{missing}"));
        let mut times = Times::default();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (order, begun) in placed {
            times.record(seen.get(&order).map_or(SILENCE, |at| at.saturating_duration_since(begun)));
        }
        seen.clear();
        times
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
    }
}

impl Placed {
    /// How many.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.0.borrow().len()).unwrap_or(u64::MAX)
    }

    /// Their ids.
    pub(crate) fn orders(&self) -> Vec<String> {
        self.0.borrow().iter().map(|(order, _)| order.clone()).collect()
    }
}

async fn listen(mut socket: Socket, seen: Seen, kinds: &[&str]) {
    while let Ok(Received::Frame(frame)) = socket.next(SILENCE).await {
        let at = clock::monotonic();
        let text = |field: &str| frame.get(field).and_then(Value::as_str).unwrap_or_default();
        let told = match text("frame") {
            "event" => kinds.contains(&text("type")),
            "snapshot" => true,
            _ => false,
        };
        if told {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let _first = seen.entry(text("stream").to_owned()).or_insert(at);
        }
    }
}
