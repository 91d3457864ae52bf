//! What the customers were told, and what must not have happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stack::eventually;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Breach {
    /// The stream that it concerns, if it is one.
    pub(super) stream: Option<String>,
    pub(super) what: String,
}

/// What everybody wrote down; shared by all clients of a run.
#[derive(Debug, Default)]
pub(super) struct Diary(Mutex<Pages>);

#[derive(Debug, Default)]
pub(super) struct Pages {
    /// By owner and idempotency key: the order that the key made.
    pub(super) orders: BTreeMap<(String, String), String>,
    /// The highest version that was acknowledged or shown, of each order.
    pub(super) versions: BTreeMap<String, u32>,
    /// Owners to whom a socket was opened.
    pub(super) greeted: BTreeSet<String>,
    /// What each owner's feed told: the orders that were placed.
    pub(super) told: BTreeMap<String, BTreeSet<String>>,
    /// Owners whose feed said that it must be read anew, and how often.
    pub(super) reloads: BTreeMap<String, u32>,
    /// How often each thing happened.
    pub(super) counts: BTreeMap<&'static str, u64>,
    pub(super) breaches: BTreeSet<Breach>,
}

impl Diary {
    pub(super) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, what: &'static str) {
        *self.pages().counts.entry(what).or_default() += 1;
    }

    pub(super) fn breach(&self, stream: Option<&str>, what: String) {
        self.pages().breaches.insert(Breach { stream: stream.map(str::to_owned), what });
    }

    /// A placement was acknowledged; the same key must always make the same order.
    pub(super) fn placed(&self, owner: &str, key: &str, order: &str, version: u32) {
        let known = self.pages().orders.insert((owner.to_owned(), key.to_owned()), order.to_owned());
        if let Some(known) = known.filter(|known| known != order) {
            self.breach(Some(order), format!("key {key} of {owner} made {known} and {order}"));
        }
        self.saw(order, version);
    }

    /// This version of an order was acknowledged or shown.
    pub(super) fn saw(&self, order: &str, version: u32) {
        let mut pages = self.pages();
        let known = pages.versions.entry(order.to_owned()).or_default();
        *known = version.max(*known);
    }

    /// An order of this owner, with the highest version that was seen, picked by a number.
    pub(super) fn order_of(&self, owner: &str, pick: usize) -> Option<(String, String, u32)> {
        let pages = self.pages();
        let of_owner: Vec<_> = pages.orders.iter().filter(|((user, _), _)| user == owner).collect();
        let ((_, key), order) = of_owner.get(pick % of_owner.len().max(1))?;
        Some((key.clone(), (*order).clone(), pages.versions.get(*order).copied().unwrap_or(1)))
    }

    /// A socket said hello to this owner.
    pub(super) fn greeted(&self, owner: &str) {
        self.pages().greeted.insert(owner.to_owned());
    }

    /// Waits until so many owners listen.
    pub(super) async fn all_listen(&self, owners: usize, within: Duration) {
        let all = async || (self.pages().greeted.len() >= owners).then_some(());
        eventually("every customer listens", within, all).await;
    }

    /// The feed began anew; what it told before does not count.
    pub(super) fn reloaded(&self, owner: &str) {
        *self.pages().reloads.entry(owner.to_owned()).or_default() += 1;
    }

    pub(super) fn told(&self, owner: &str, order: &str) {
        let news = self.pages().told.entry(owner.to_owned()).or_default().insert(order.to_owned());
        if !news && !self.pages().reloads.contains_key(owner) {
            self.breach(Some(order), format!("the feed of {owner} told twice that {order} was placed"));
        }
    }

    /// Waits until every feed that was never reloaded has told every order; what is missing then is a breach.
    pub(super) async fn close(&self, within: Duration) {
        let missing = || {
            let pages = self.pages();
            pages.orders.iter().find_map(|((owner, _), order)| {
                let declared = pages.reloads.contains_key(owner);
                let told = pages.told.get(owner).is_some_and(|told| told.contains(order));
                (!declared && !told).then(|| (owner.clone(), order.clone()))
            })
        };
        let waited =
            async { eventually("every feed is complete", within, async || missing().is_none().then_some(())).await };
        if tokio::time::timeout(within / 2, waited).await.is_err()
            && let Some((owner, order)) = missing()
        {
            self.breach(Some(&order), format!("the feed of {owner} never told that {order} was placed"));
        }
    }
}
