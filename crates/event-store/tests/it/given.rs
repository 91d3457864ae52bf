//! What the tests begin with: a store on a database of its own, and commits.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use event_store::{CommandRecord, Commit, Config, EventStore, Fingerprint, KeyHash, StoredEvent};
use runtime::Process;
use schemas::{Sku, StockEvent, StockReceived, StreamId, Timestamp, UserId, Version};
use stack::testing;
use uuid::Uuid;

/// Long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A store on a fresh database of the shared server, and the process it belongs to.
pub(crate) async fn store() -> (EventStore, Process) {
    let uri = testing::mongo().await.database(&format!("t{}", unique()));
    store_at(Config::new(uri)).await
}

pub(crate) async fn store_at(config: Config) -> (EventStore, Process) {
    let process = Process::new("test", None);
    let store = EventStore::connect(config, &process).await.expect("the URI is valid");
    tokio::time::timeout(PATIENCE, store.wait_until_up()).await.expect("MongoDB answers");
    (store, process)
}

/// A number that no other test has.
pub(crate) fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A stream that no other test has.
pub(crate) fn stream() -> StreamId {
    Sku::parse(&format!("sku-{}", unique())).unwrap().stock()
}

/// A commit of so many events.
pub(crate) fn commit(stream: &StreamId, first: u32, events: u32) -> Commit {
    let owner = UserId::from_bits(7);
    let data = (0..events).map(|number| received(i64::from(first + number))).collect();
    Commit {
        stream: stream.clone(),
        first: Version(first),
        id: Uuid::now_v7(),
        at: Timestamp::from_micros(i64::from(first) * 1_000),
        commands: vec![CommandRecord {
            key: Some(KeyHash([1; 32])),
            fingerprint: Some(Fingerprint([2; 32])),
            events,
            caller: owner.as_str().into(),
            correlation: "request-1".into(),
            causation: Some("command-1".into()),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        }],
        owner: Some(owner),
        keys: Vec::new(),
        events: data,
    }
}

/// An event that can be told from others by its quantity.
pub(crate) fn received(quantity: i64) -> StoredEvent {
    let sku = Sku::parse("tea").unwrap();
    StoredEvent::of(&StockEvent::Received(StockReceived { sku, quantity, reason: None })).unwrap()
}

/// The first versions of these commits.
pub(crate) fn firsts(commits: &[Commit]) -> Vec<u32> {
    commits.iter().map(|commit| commit.first.0).collect()
}
