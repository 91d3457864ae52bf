//! A log in memory that answers at once, or when it is allowed to, and commits to publish.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bus::Delivered;
use event_store::{Commit, StoredEvent};
use relay::{Log, LogRound, Refused};
use schemas::{AnyEvent, Recorded, Sku, StockEvent, StockReceived, StreamId, Timestamp, Version};
use tokio::sync::watch;
use uuid::Uuid;

/// What was published, in order; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    written: Arc<Mutex<Vec<(StreamId, u32)>>>,
    refused: Arc<Mutex<HashSet<(StreamId, u32)>>>,
    open: watch::Sender<bool>,
}

impl Ledger {
    /// A log that answers at once.
    pub(crate) fn new() -> Self {
        Self { written: Arc::default(), refused: Arc::default(), open: watch::Sender::new(true) }
    }

    /// From now on it answers nothing, until [`Self::answer`].
    pub(crate) fn hold(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn answer(&self) {
        self.open.send_replace(true);
    }

    /// From now on it refuses this event.
    pub(crate) fn refuse(&self, stream: &StreamId, version: u32) {
        self.refused.lock().unwrap().insert((stream.clone(), version));
    }

    pub(crate) fn written(&self) -> Vec<(StreamId, u32)> {
        self.written.lock().unwrap().clone()
    }

    /// The versions of one stream, in the order in which they were published.
    pub(crate) fn versions(&self, stream: &StreamId) -> Vec<u32> {
        self.written().into_iter().filter(|(written, _)| written == stream).map(|(_, version)| version).collect()
    }
}

impl Log for Ledger {
    type Round = Self;

    fn round(&self) -> Result<Self, bus::Error> {
        Ok(self.clone())
    }
}

impl LogRound for Ledger {
    type Ack = Pin<Box<dyn Future<Output = Result<Delivered, bus::Error>> + Send>>;

    fn send(&self, event: &Recorded<AnyEvent>) -> Result<Self::Ack, Refused> {
        let record = (event.stream.clone(), event.version.0);
        if self.refused.lock().unwrap().contains(&record) {
            return Err(Refused::Event(bus::Error::SchemaMissing { subject: "any".to_owned() }));
        }
        self.written.lock().unwrap().push(record);
        let mut open = self.open.subscribe();
        Ok(Box::pin(async move {
            open.wait_for(|open| *open).await.unwrap();
            Ok(Delivered { partition: 0, offset: 0 })
        }))
    }
}

/// A stream of this name.
pub(crate) fn stream(name: &str) -> StreamId {
    Sku::parse(name).unwrap().stock()
}

/// A commit of so many events; its clock grows with the version.
pub(crate) fn commit(stream: &StreamId, first: u32, events: u32) -> Commit {
    let sku = Sku::parse("tea").unwrap();
    let event = StockEvent::Received(StockReceived { sku, quantity: 1, reason: None });
    Commit {
        stream: stream.clone(),
        first: Version(first),
        id: Uuid::now_v7(),
        at: Timestamp::from_micros(i64::from(first) * 1_000),
        owner: None,
        commands: Vec::new(),
        keys: Vec::new(),
        events: (0..events).map(|_| StoredEvent::of(&event).unwrap()).collect(),
    }
}
