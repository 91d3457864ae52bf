//! What the customers were told, and what must not have happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemas::StreamId;
use stack::eventually;

use crate::ledger::Ledger;

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
    /// What each owner's feed told: the streams, and the last version of each.
    pub(super) told: BTreeMap<String, BTreeMap<String, u32>>,
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

    /// The feed told of this version.
    pub(super) fn told(&self, owner: &str, stream: &str, version: u32) {
        let known = self.pages().told.entry(owner.to_owned()).or_default().insert(stream.to_owned(), version);
        if known.is_some_and(|known| known >= version) && !self.pages().reloads.contains_key(owner) {
            self.breach(Some(stream), format!("the feed of {owner} told again of version {version}"));
        }
    }

    /// Waits until every feed that was never reloaded has told all that happened to every order; what is missing then is a
    /// breach.
    pub(super) async fn close(&self, ledger: &Ledger, within: Duration) {
        let missing = || {
            let pages = self.pages();
            pages.orders.iter().filter(|((owner, _), _)| !pages.reloads.contains_key(owner)).find_map(
                |((owner, _), order)| {
                    let told = pages.told.get(owner).and_then(|told| told.get(order)).copied().unwrap_or_default();
                    let last = ledger.get(&StreamId::parse(order).ok()?)?.last()?.version.0;
                    (told < last).then(|| (order.clone(), format!("the feed of {owner} ended with version {told}")))
                },
            )
        };
        let complete = async || missing().map_or(Ok(()), |(_, what)| Err(what));
        if stack::within(within / 2, complete).await.is_err()
            && let Some((order, what)) = missing()
        {
            self.breach(Some(&order), what);
        }
    }
}
