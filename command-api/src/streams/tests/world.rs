//! What the tests begin with: processes that share a database, and commands on one stock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::Reason;
use domain::order::Quantity;
use domain::stock::{Pieces, Stock, StockCommand, StockState};
use event_store::{Commit, Config, EventStore};
use futures::future::join_all;
use runtime::Process;
use schemas::{Event as _, OrderId, Sku, StockEvent, StreamId, Timestamp, Version};
use stack::testing;

use crate::intent::{FingerprintKey, Intent};
use crate::streams::{Creates, Done, Rejected, Streams};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two processes on a database of their own.
pub(super) struct World {
    pub(super) one: Streams<Stock>,
    pub(super) other: Streams<Stock>,
    pub(super) stream: StreamId,
    pub(super) store: EventStore,
    _processes: [Process; 2],
}

impl World {
    pub(super) async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let uri = testing::mongo().await.database(&format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let (store, first) = store(&uri).await;
        let (another, second) = self::store(&uri).await;
        Self {
            one: Streams::new(store.clone()),
            other: Streams::new(another),
            stream: sku().stock(),
            store,
            _processes: [first, second],
        }
    }

    /// Every commit of the stream.
    pub(super) async fn commits(&self) -> Vec<Commit> {
        self.store.tail(&self.stream, Version::FIRST).await.unwrap()
    }

    /// Every event of the stream, in order.
    pub(super) async fn events(&self) -> Vec<StockEvent> {
        let recorded = self.commits().await.into_iter().flat_map(|commit| commit.recorded().unwrap());
        recorded.map(|recorded| StockEvent::from_any(recorded.event).unwrap()).collect()
    }

    /// What all events add up to.
    pub(super) async fn stock(&self) -> StockState {
        domain::fold::<Stock>(&self.events().await).unwrap()
    }
}

async fn store(uri: &str) -> (EventStore, Process) {
    let process = Process::new("test", None);
    let store = EventStore::connect(Config::new(uri), &process).await.expect("the URI is valid");
    tokio::time::timeout(PATIENCE, store.wait_until_up()).await.expect("MongoDB answers");
    (store, process)
}

/// Gives commands at the same moment, in this order.
pub(super) async fn at_once<const N: usize>(
    streams: &Streams<Stock>,
    commands: [(StockCommand, Intent); N],
) -> [Result<Done, Rejected>; N] {
    let outcomes = join_all(commands.map(|(command, intent)| given(streams, command, intent))).await;
    outcomes.try_into().expect("one outcome per command")
}

/// Gives one command.
pub(super) async fn given(streams: &Streams<Stock>, command: StockCommand, intent: Intent) -> Result<Done, Rejected> {
    streams.execute(sku().stock(), Creates::No, command, intent).await
}

/// The version after each command that had an effect, and why the others had none.
pub(super) fn told<const N: usize>(outcomes: [Result<Done, Rejected>; N]) -> [Result<u32, String>; N] {
    outcomes.map(|outcome| outcome.map(|done| done.version.0).map_err(|rejected| rejected.to_string()))
}

/// The intent of a command that is never sent again.
pub(super) fn once() -> Intent {
    Intent { key: None, ..keyed("") }
}

/// The intent of every sending of the command with this key.
pub(super) fn keyed(key: &str) -> Intent {
    Intent { fingerprint: Some(FingerprintKey::new("secret").fingerprint(&key)), ..Intent::internal("test", key) }
}

pub(super) fn sku() -> Sku {
    Sku::parse("MUG").unwrap()
}

pub(super) fn order(number: u128) -> OrderId {
    OrderId::from_bits(number)
}

pub(super) fn receive(pieces: i64) -> StockCommand {
    receive_because(pieces, "van 3")
}

pub(super) fn receive_because(pieces: i64, reason: &str) -> StockCommand {
    let (quantity, reason) = (Pieces::new(pieces).unwrap(), Some(Reason::parse(reason).unwrap()));
    StockCommand::Receive { sku: sku(), quantity, reason }
}

pub(super) fn reserve(number: u128, pieces: i64) -> StockCommand {
    let (quantity, until) = (Quantity::new(pieces).unwrap(), Timestamp::from_micros(0));
    StockCommand::Reserve { sku: sku(), order: order(number), quantity, until }
}

pub(super) fn release(number: u128) -> StockCommand {
    StockCommand::Release { order: order(number) }
}
