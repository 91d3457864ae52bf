//! A shop that is open all the time: orders are placed and read without end, and each reader remembers what he or she has
//! seen.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use e2e::client::{Answer, Gateway, LoggedIn, Request, order_of};
use futures::future::join_all;
use rand::Rng as _;
use reqwest::Method;
use schemas::StreamId;
use stack::eventually;

use crate::world::{SETTLED, World};

const READERS: usize = 4;
const WRITERS: usize = 2;
const WRITERS_OF_HISTORY: usize = 16;

/// Its customers' side.
pub(super) struct Shop {
    gateway: Gateway,
    user: LoggedIn,
    sku: String,
    /// Each order and the newest version that somebody has seen of it.
    seen: Mutex<Vec<(String, u64)>>,
    history: usize,
    read: AtomicUsize,
    closing: AtomicBool,
}

/// What its customers met.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How often they read.
    pub(super) read: usize,
    /// How many orders they placed.
    pub(super) written: usize,
    /// Reads that were not answered.
    pub(super) failed: Vec<String>,
    /// Reads that were answered with something older than what was seen before.
    pub(super) stale: Vec<String>,
}

impl Shop {
    /// A shop in which so many orders were placed already. None of them can be delivered: nothing is in stock.
    pub(super) async fn open(world: &World, history: usize) -> Self {
        let sku = World::name("REBUILD");
        let _ = world.gateway.product(&world.admin, &sku, 100).await;
        let user = world.gateway.user(&World::name("rebuild")).await;
        let (read, closing) = (AtomicUsize::new(0), AtomicBool::new(false));
        let shop = Self { gateway: world.gateway.clone(), user, sku, seen: Mutex::default(), history, read, closing };
        let left = AtomicUsize::new(history);
        let place = async |_| {
            while left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok() {
                shop.place().await;
            }
        };
        join_all((0..WRITERS_OF_HISTORY).map(place)).await;
        shop
    }

    /// How many orders there were at first.
    pub(super) const fn history(&self) -> usize {
        self.history
    }

    /// The orders that were placed.
    pub(super) fn orders(&self) -> Vec<StreamId> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().map(|(id, _)| StreamId::parse(id).expect("an order")).collect()
    }

    /// Keeps it open until something is done.
    pub(super) async fn open_during(&self, done: impl Future<Output = ()>) -> Tally {
        let closing = async {
            done.await;
            self.closing.store(true, Ordering::Release);
        };
        let readers = join_all((0..READERS).map(|_| self.reader()));
        let writers = join_all((0..WRITERS).map(|_| self.writer()));
        let (readers, writers, ()) = tokio::join!(readers, writers, closing);
        let mut tally = Tally { read: self.reads(), written: writers.into_iter().sum(), ..Tally::default() };
        for reader in readers {
            tally.failed.extend(reader.failed);
            tally.stale.extend(reader.stale);
        }
        tally
    }

    /// Waits until so many more reads were answered.
    pub(super) async fn goes_on(&self, reads: usize) {
        let goal = self.reads() + reads;
        eventually("readers go on", SETTLED, async || (self.reads() >= goal).then_some(())).await;
    }

    fn reads(&self) -> usize {
        self.read.load(Ordering::Acquire)
    }

    async fn writer(&self) -> usize {
        let mut written = 0;
        while !self.closing.load(Ordering::Acquire) {
            self.place().await;
            written += 1;
        }
        written
    }

    async fn place(&self) {
        let id = eventually("the order is acknowledged", SETTLED, async || {
            let place = Request::by(&self.user).json(order_of(&self.user, &self.sku, 1));
            let answer = self.gateway.send(Method::POST, "/commands/orders", place).await.ok()?;
            (answer.status.as_u16() == 201).then(|| answer.text("orderId"))
        })
        .await;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push((id, 1));
    }

    /// Reads some order, now with the token of what was seen of it, now without, and the list of orders.
    async fn reader(&self) -> Tally {
        let mut tally = Tally::default();
        while !self.closing.load(Ordering::Acquire) {
            let (index, id, at_least) = self.some_order();
            let with_token = rand::rng().random_bool(0.5);
            // A killed projector is back within this time; a rebuild costs none of it.
            let mut read = Request::by(&self.user).with("prefer", "wait=10");
            if with_token || at_least == 1 {
                read = read.with("consistency-token", format!("{id}@{at_least}"));
            }
            let answer = self.gateway.send(Method::GET, &format!("/queries/orders/{id}"), read).await;
            let version = answer.as_ref().ok().and_then(version);
            match version {
                None => tally.failed.push(format!("{id}: {answer:?}")),
                Some(version) if version < at_least => tally.stale.push(format!("{id}: {version} after {at_least}")),
                Some(version) => self.has_seen(index, version),
            }
            let list = self.gateway.send(Method::GET, "/queries/orders?limit=3", Request::by(&self.user)).await;
            match list {
                Ok(list) if list.body["count"] == 3 => {}
                other => tally.failed.push(format!("{other:?}")),
            }
            self.read.fetch_add(2, Ordering::AcqRel);
        }
        tally
    }

    fn some_order(&self) -> (usize, String, u64) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let index = rand::rng().random_range(0..seen.len());
        let (id, version) = &seen[index];
        (index, id.clone(), *version)
    }

    fn has_seen(&self, index: usize, version: u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut seen[index].1;
        *known = version.max(*known);
    }
}

/// The version of the order that was answered.
fn version(answer: &Answer) -> Option<u64> {
    if answer.status.as_u16() == 200 { answer.body.pointer("/order/version")?.as_u64() } else { None }
}
