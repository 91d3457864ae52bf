//! What a round needs of the outbox and of the log: implemented by `MongoDB` and Kafka, and by the model test.

use std::future::Future;

use bus::Delivered;
use event_store::{CommitId, Lanes, Marked, PassedOver};
use schemas::{AnyEvent, Recorded};

/// The marked commits.
pub trait Outbox: Clone + Send + Sync + 'static {
    /// One look at them.
    type Snapshot: Pages;

    /// The marked commits of these lanes at one moment, in the order of `at`, at most `limit`.
    fn snapshot(
        &self,
        lanes: Lanes,
        limit: u32,
    ) -> impl Future<Output = Result<Self::Snapshot, event_store::Error>> + Send;

    /// Removes marks; a snapshot that is asked for later does not show them. For none of them nothing is asked.
    fn unmark(&self, commits: &[CommitId]) -> impl Future<Output = Result<(), event_store::Error>> + Send;
}

/// A snapshot, read page by page.
pub trait Pages: Send {
    /// The next commits, at most `max`; none at the end.
    fn page(&mut self, max: usize) -> impl Future<Output = Result<Vec<Marked>, event_store::Error>> + Send;

    /// What the pages so far do not show, because nobody here can tell which stream it belongs to.
    fn passed_over(&self) -> PassedOver;
}

/// Where events are published.
pub trait Log: Sync {
    /// A run of sends.
    type Round: LogRound;

    /// Begins one. Called only when every send of the previous one has been answered.
    fn round(&self) -> Result<Self::Round, bus::Error>;
}

/// A run of sends. What is sent earlier lies earlier in its partition, and nothing lies behind a send that is missing:
/// after the first failure, everything later fails as well.
pub trait LogRound: Send {
    /// The answer to one send; an error means that it may or may not have been written.
    type Ack: Future<Output = Result<Delivered, bus::Error>> + Send;

    /// Hands an event over.
    fn send(&self, event: &Recorded<AnyEvent>) -> Result<Self::Ack, Refused>;
}

/// An event was not handed over.
#[derive(Debug)]
pub enum Refused {
    /// Because of this event; others can be sent.
    Event(bus::Error),
    /// Because of the log; nothing more can be sent in this round.
    Round(bus::Error),
}

impl Outbox for event_store::Outbox {
    type Snapshot = event_store::Snapshot;

    async fn snapshot(&self, lanes: Lanes, limit: u32) -> Result<Self::Snapshot, event_store::Error> {
        self.snapshot(lanes, limit).await
    }

    async fn unmark(&self, commits: &[CommitId]) -> Result<(), event_store::Error> {
        self.unmark(commits).await
    }
}

impl Pages for event_store::Snapshot {
    async fn page(&mut self, max: usize) -> Result<Vec<Marked>, event_store::Error> {
        self.page(max).await
    }

    fn passed_over(&self) -> PassedOver {
        self.passed_over()
    }
}

impl Log for bus::Producer {
    type Round = bus::Round;

    fn round(&self) -> Result<Self::Round, bus::Error> {
        self.round()
    }
}

impl LogRound for bus::Round {
    type Ack = bus::Ack;

    fn send(&self, event: &Recorded<AnyEvent>) -> Result<Self::Ack, Refused> {
        self.send(event)
            .map_err(|error| if error.is_of_one_event() { Refused::Event(error) } else { Refused::Round(error) })
    }
}
