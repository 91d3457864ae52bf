//! The relay on a real outbox: what wakes it, how relays share the work, how it ends.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use event_store::{Config, EventStore, Lanes, Presence, lane};
use relay::{Limits, Logs};
use runtime::Process;
use schemas::StreamId;
use stack::servers::Mongo;
use stack::testing::{self, eventually};

use crate::ledger::{Ledger, commit, stream};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const NEVER: Duration = Duration::from_secs(3600);

/// One process with a store; with [`Self::relay`] it publishes.
pub(crate) struct Node {
    pub(crate) store: EventStore,
    process: Process,
}

impl Node {
    pub(crate) async fn start(uri: &str, instance: &str) -> Self {
        Self::with(Config::new(uri), instance).await
    }

    async fn with(config: Config, instance: &str) -> Self {
        let process = Process::new("test", Some(instance));
        let store = EventStore::connect(config, &process).await.unwrap();
        tokio::time::timeout(PATIENCE, store.wait_until_up()).await.unwrap();
        Self { store, process }
    }

    /// Publishes to this log from now on; returns when it owns lanes.
    async fn relay(&self, ledger: &Ledger, config: relay::Config) {
        let logs = Logs { live: ledger.clone(), again: ledger.clone() };
        self.relay_to(logs, config).await;
    }

    pub(crate) async fn relay_to(&self, logs: Logs<Ledger>, config: relay::Config) {
        let run = relay::run(config, self.store.outbox(), logs, self.process.clone());
        self.process.tasks.supervise("relay", run);
        let present = async || self.relays().await.iter().any(|relay| **relay == *self.process.instance).then_some(());
        eventually("the relay is there", PATIENCE, present).await;
    }

    pub(crate) async fn relays(&self) -> Vec<String> {
        let present = self.store.outbox().present().await.unwrap().into_iter();
        present.filter(|(_, presence)| *presence == Presence::Relay).map(|(instance, _)| instance).collect()
    }

    pub(crate) async fn append(&self, stream: &StreamId, first: u32) {
        self.store.append(&commit(stream, first, 1)).await.unwrap();
    }

    async fn marked(&self) -> usize {
        let mut snapshot = self.store.outbox().snapshot(Lanes::ALL, 10_000).await.unwrap();
        snapshot.page(10_000).await.unwrap().len()
    }

    pub(crate) async fn all_published(&self) {
        eventually("no mark is left", PATIENCE, async || (self.marked().await == 0).then_some(())).await;
    }

    /// Ends the process as a signal would.
    pub(crate) async fn end(self) {
        self.process.shutdown.request();
        drop(self.store);
        assert!(self.process.tasks.finish(PATIENCE).await, "every task ends");
    }
}

/// Wakes for the doorbell only.
fn by_bell() -> relay::Config {
    relay::Config { poll: NEVER, ..relay::Config::default() }
}

pub(crate) async fn database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    testing::mongo().await.database(&format!("relay{}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_its_own_process_wakes_the_relay() {
    let (node, ledger) = (Node::start(&database().await, "a").await, Ledger::new());
    node.relay(&ledger, by_bell()).await;
    for version in 1..=20 {
        node.append(&stream("tea"), version).await;
        node.all_published().await;
    }
    assert_eq!(ledger.versions(&stream("tea")), (1..=20).collect::<Vec<_>>());
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_rang_no_bell_is_found_by_the_poll() {
    let (uri, ledger) = (database().await, Ledger::new());
    let (node, silent) = (Node::start(&uri, "a").await, Node::start(&uri, "silent").await);
    node.relay(&ledger, relay::Config::default()).await;
    silent.append(&stream("tea"), 1).await;
    node.all_published().await;
    assert_eq!(ledger.versions(&stream("tea")), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_a_process_that_announces_itself_wake_the_relay() {
    let (uri, ledger) = (database().await, Ledger::new());
    let writer = Node::with(Config { announce: true, ..Config::new(&uri) }, "writer").await;
    let there = async || (!writer.store.outbox().present().await.unwrap().is_empty()).then_some(());
    eventually("the writer is announced", PATIENCE, there).await;
    let node = Node::start(&uri, "a").await;
    node.relay(&ledger, by_bell()).await;
    for version in 1..=5 {
        writer.append(&stream("tea"), version).await;
        node.all_published().await;
    }
    assert_eq!(ledger.versions(&stream("tea")), [1, 2, 3, 4, 5]);
    node.end().await;
    writer.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_share_the_lanes_and_take_over_those_of_one_that_leaves() {
    let (uri, ledgers) = (database().await, [Ledger::new(), Ledger::new()]);
    let (one, other) = (Node::start(&uri, "one").await, Node::start(&uri, "other").await);
    one.relay(&ledgers[0], relay::Config::default()).await;
    other.relay(&ledgers[1], relay::Config::default()).await;
    let relays = one.relays().await;
    let streams: Vec<_> = (0..200).map(|number| stream(&number.to_string())).collect();
    // From some version on, each stream is published by its owner alone.
    let mut version = 0;
    let owner_alone = async || {
        version += 1;
        for stream in &streams {
            one.append(stream, version).await;
        }
        one.all_published().await;
        let only = |ledger: &Ledger, me: &str| {
            let latest = ledger.written().into_iter().filter(|(_, written)| *written == version);
            let published: Vec<_> = latest.map(|(stream, _)| stream).collect();
            let owned = relay::owned(me, &relays);
            let mine = streams.iter().filter(|stream| owned.contains(lane(stream))).count();
            published.len() == mine && published.iter().all(|stream| owned.contains(lane(stream)))
        };
        (only(&ledgers[0], "one") && only(&ledgers[1], "other")).then_some(())
    };
    eventually("each relay publishes its own lanes and no others", PATIENCE, owner_alone).await;
    other.end().await;
    assert_eq!(one.relays().await, ["one"]);
    let before = ledgers[1].written().len();
    for stream in &streams {
        one.append(stream, 1_000).await;
    }
    one.all_published().await;
    assert_eq!(ledgers[1].written().len(), before);
    one.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_is_drained_round_after_round_without_waiting_for_anything() {
    let (node, ledger) = (Node::start(&database().await, "a").await, Ledger::new());
    for version in 1..=100 {
        node.append(&stream("tea"), version).await;
    }
    let limits = Limits { page: 3, pages_in_flight: 2, commits: 10 };
    node.relay(&ledger, relay::Config { limits, ..by_bell() }).await;
    node.all_published().await;
    assert_eq!(ledger.versions(&stream("tea")), (1..=100).collect::<Vec<_>>());
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_its_end_a_relay_awaits_the_answers_and_leaves_nothing_half_done() {
    let uri = database().await;
    let (node, observer, ledger) = (Node::start(&uri, "a").await, Node::start(&uri, "b").await, Ledger::new());
    node.relay(&ledger, by_bell()).await;
    ledger.hold();
    node.append(&stream("tea"), 1).await;
    eventually("it was sent", PATIENCE, async || (!ledger.written().is_empty()).then_some(())).await;
    node.process.shutdown.request();
    assert_eq!(observer.marked().await, 1);
    assert_eq!(observer.relays().await, ["a"], "the lanes are kept until the answer is there");
    ledger.answer();
    node.end().await;
    assert_eq!((observer.marked().await, observer.relays().await.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_never_answers_does_not_hold_up_the_end_and_loses_nothing() {
    let uri = database().await;
    let (node, observer, ledger) = (Node::start(&uri, "a").await, Node::start(&uri, "b").await, Ledger::new());
    node.relay(&ledger, relay::Config { farewell: Duration::from_millis(100), ..by_bell() }).await;
    ledger.hold();
    node.append(&stream("tea"), 1).await;
    eventually("it was sent", PATIENCE, async || (!ledger.written().is_empty()).then_some(())).await;
    node.end().await;
    assert_eq!(observer.marked().await, 1);
    // The next relay publishes it again.
    ledger.answer();
    observer.relay(&ledger, by_bell()).await;
    observer.all_published().await;
    assert_eq!(ledger.versions(&stream("tea")), [1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_published_does_not_hold_up_the_others() {
    let (node, ledger) = (Node::start(&database().await, "a").await, Ledger::new());
    ledger.refuse(&stream("coffee"), 1);
    node.append(&stream("coffee"), 1).await;
    node.relay(&ledger, by_bell()).await;
    for version in 1..=10 {
        node.append(&stream("tea"), version).await;
        eventually("only the one is left", PATIENCE, async || (node.marked().await == 1).then_some(())).await;
    }
    assert_eq!(ledger.versions(&stream("tea")), (1..=10).collect::<Vec<_>>());
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_goes_on_by_itself_after_the_store_was_away() {
    let mongo: Mongo = testing::own().await;
    let (node, ledger) = (Node::start(mongo.url(), "a").await, Ledger::new());
    node.relay(&ledger, relay::Config::default()).await;
    node.append(&stream("tea"), 1).await;
    node.all_published().await;
    mongo.kill().await;
    let down = async || (!node.process.health.is_ready()).then_some(());
    eventually("health shows the outage", PATIENCE, down).await;
    mongo.restart().await.unwrap();
    let next = commit(&stream("tea"), 2, 1);
    eventually("it is stored", PATIENCE, async || node.store.append(&next).await.ok()).await;
    eventually("it is published", PATIENCE, async || (ledger.versions(&stream("tea")).contains(&2)).then_some(()))
        .await;
    node.all_published().await;
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_was_thought_dead_costs_repetitions_and_no_order() {
    let (uri, ledger) = (database().await, Ledger::new());
    let (one, other) = (Node::start(&uri, "one").await, Node::start(&uri, "other").await);
    // Both believe that they own everything: each sees itself only.
    for node in [&one, &other] {
        node.relay(&ledger, relay::Config { poll: Duration::from_millis(5), ..relay::Config::default() }).await;
        node.store.outbox().leave(&node.process.instance).await.unwrap();
    }
    for version in 1..=100 {
        one.append(&stream("tea"), version).await;
    }
    one.all_published().await;
    let mut head = 0;
    for version in ledger.versions(&stream("tea")) {
        assert!(version <= head + 1, "{version} comes before {}", head + 1);
        head = head.max(version);
    }
    assert_eq!(head, 100);
}
