//! Compares what the customers were told with what is stored, and says what was done and survived.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use schemas::{AnyEvent, OrderEvent, OrderId, StreamId};
use serde_json::Value;

use super::Plan;
use super::diary::{Breach, Diary, Pages};
use super::lines::Trouble;
use super::nemesis::{Blow, Blows};
use crate::ledger::Ledger;
use crate::{dates, provider};

/// What the provider charged, by payment.
type Charges = BTreeMap<String, Vec<Value>>;

/// What was done, how long every process took to be ready again afterwards, and how long after that there was work left.
#[derive(Debug)]
pub(super) struct Attack {
    pub(super) plan: Plan,
    pub(super) blows: Blows,
    pub(super) recovery: Duration,
    pub(super) backlog: Duration,
}

/// The outcome of a run.
#[derive(Debug)]
pub struct Report {
    attack: Attack,
    counts: BTreeMap<&'static str, u64>,
    reloads: u32,
    breaches: Vec<(Breach, String)>,
}

impl Report {
    /// Whether every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.breaches.is_empty()
    }

    /// How often a clock was set.
    #[must_use]
    pub fn clocks_set(&self) -> u32 {
        let set = self.attack.blows.iter().filter(|((_, blow), _)| *blow == Blow::SetClock);
        set.map(|(_, times)| times).sum()
    }

    /// How many times something was done to a process.
    #[must_use]
    pub fn blows(&self) -> u32 {
        self.attack.blows.values().sum()
    }

    /// How many orders were acknowledged.
    #[must_use]
    pub fn orders(&self) -> u64 {
        self.counts.get("orders acknowledged").copied().unwrap_or_default()
    }
}

pub(super) fn judge(attack: Attack, diary: &Diary, ledger: &Ledger, charges: &Charges) -> Report {
    let pages = diary.pages();
    let mut breaches = pages.breaches.clone();
    breaches.extend(lost_or_doubled(&pages, ledger));
    breaches.extend(charged_wrongly(&pages, ledger, charges));
    let dated_wrongly = dates::wrong(ledger).into_iter();
    breaches.extend(dated_wrongly.map(|(stream, what)| Breach { stream: Some(stream.to_string()), what }));
    let breaches = breaches.into_iter().map(|breach| {
        let story = story(breach.stream.as_deref(), ledger);
        (breach, story)
    });
    let reloads = pages.reloads.values().sum();
    Report { attack, counts: pages.counts.clone(), reloads, breaches: breaches.collect() }
}

/// Acknowledged orders that are not there or too short, and orders that nobody was told of.
fn lost_or_doubled(pages: &Pages, ledger: &Ledger) -> Vec<Breach> {
    let breach = |stream: &str, what: String| Breach { stream: Some(stream.to_owned()), what };
    let mut breaches = Vec::new();
    for (order, version) in &pages.versions {
        let stored = StreamId::parse(order).ok().and_then(|stream| ledger.get(&stream)).map_or(0, Vec::len);
        if stored < usize::try_from(*version).unwrap_or(usize::MAX) {
            breaches.push(breach(order, format!("version {version} was acknowledged, {stored} are stored")));
        }
    }
    let owners: BTreeSet<&str> = pages.orders.keys().map(|(owner, _)| owner.as_str()).collect();
    let told: BTreeSet<&str> = pages.orders.values().map(String::as_str).collect();
    for (stream, events) in ledger {
        let owner = events.first().and_then(|event| event.owner.as_ref());
        let is_order = matches!(events.first().map(|event| &event.event), Some(AnyEvent::Order(_)));
        if is_order && owner.is_some_and(|owner| owners.contains(owner.as_str())) && !told.contains(stream.as_str()) {
            breaches.push(breach(stream.as_str(), "an order is stored that no key of a customer made".to_owned()));
        }
    }
    breaches
}

/// Orders that were charged more than once, or whose money is not where their events say.
fn charged_wrongly(pages: &Pages, ledger: &Ledger, charges: &Charges) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for order in pages.orders.values() {
        let Ok(id) = OrderId::parse(order) else { continue };
        let events: Vec<_> = ledger.get(id.stream()).into_iter().flatten().map(|event| &event.event).collect();
        let total = events.iter().find_map(|event| {
            let AnyEvent::Order(OrderEvent::Placed(placed)) = event else { return None };
            Some(placed.total_amount)
        });
        let happened = |name: &str| events.iter().any(|event| event.name() == name);
        let kept = if happened("OrderPaid") && !happened("OrderCancelled") { total.unwrap_or_default() } else { 0 };
        let charged = charges.get(id.payment().as_str()).map_or(&[][..], Vec::as_slice);
        let net = charged.iter().map(provider::taken_and_given_back).map(|(taken, given_back)| taken - given_back);
        if charged.len() > 1 || net.sum::<i64>() != kept {
            let what = format!("{charged:?} was charged for an order of which {kept} is to be kept");
            breaches.push(Breach { stream: Some(order.clone()), what });
        }
    }
    breaches
}

/// The events of a stream and of what belongs to it, oldest first.
fn story(stream: Option<&str>, ledger: &Ledger) -> String {
    let Some(digits) = stream.and_then(|stream| stream.split_once('_')).map(|(_, digits)| digits) else {
        return String::new();
    };
    let related = ledger.iter().filter(|(stream, _)| stream.as_str().ends_with(digits));
    let mut events: Vec<_> = related.flat_map(|(_, events)| events).collect();
    events.sort_by_key(|event| event.at);
    let line = |event: &&schemas::Recorded<AnyEvent>| {
        format!("      {} {}@{} {}\n", event.at, event.stream, event.version, event.event.name())
    };
    events.iter().map(line).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attack { plan: Plan { seed, length, customers, rate }, blows, recovery, backlog } = &self.attack;
        writeln!(f, "seed {seed}: {length:?}, {customers} customers with {rate} requests per second each")?;
        writeln!(f, "  process             killed  frozen  clock set  lost its tail  emptied  line cut  slow  mute")?;
        let names: BTreeSet<&String> = blows.keys().map(|(name, _)| name).collect();
        for name in names {
            let times = |blow| blows.get(&(name.clone(), blow)).copied().unwrap_or_default();
            let [killed, frozen, set] = [Blow::Kill, Blow::Freeze, Blow::SetClock].map(times);
            let [cut, emptied] = [Blow::LoseTail, Blow::Empty].map(times);
            let [line, slow, mute] = Trouble::ALL.map(Blow::Disturb).map(times);
            write!(f, "  {name:<18} {killed:>7} {frozen:>7} {set:>10} {cut:>14} {emptied:>8}")?;
            writeln!(f, " {line:>9} {slow:>5} {mute:>5}")?;
        }
        writeln!(f, "  {} blows; everything was ready again after {:.1} s", self.blows(), recovery.as_secs_f64())?;
        writeln!(f, "  what had been taken on was done {:.1} s after that", backlog.as_secs_f64())?;
        for (what, count) in &self.counts {
            writeln!(f, "  {count:>8}  {what}")?;
        }
        writeln!(f, "  {:>8}  feeds that said that they must be read anew", self.reloads)?;
        for (breach, story) in &self.breaches {
            writeln!(
                f,
                "  BROKEN: {}{}\n{story}",
                breach.stream.as_deref().map(|id| format!("{id}: ")).unwrap_or_default(),
                breach.what
            )?;
        }
        let verdict = if self.is_clean() { "every promise was kept" } else { "promises were broken" };
        write!(f, "  {verdict}")
    }
}
