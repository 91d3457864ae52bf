//! What commands need of the event store: implemented by `MongoDB`, and by the simulation.

use std::future::Future;

use event_store::{Appended, Commit, EventStore, KeyHash, PAGE, TailPage};
use runtime::clock;
use schemas::{StreamId, Timestamp, Version};

/// The commits, and the clock that dates what is committed.
pub trait Store: Clone + Send + Sync + 'static {
    /// What time it is here; it may jump, also backwards.
    fn now(&self) -> Timestamp;

    /// Appends a commit, unless another one has its version. Repeating it with the same commit id is safe; after an
    /// error the outcome is unknown.
    fn append(&self, commit: &Commit) -> impl Future<Output = Result<Appended, event_store::Error>> + Send;

    /// The first of the commits that hold the versions from this one on, in order. Sees everything that was acknowledged
    /// before.
    fn tail_page(
        &self,
        stream: &StreamId,
        from: Version,
    ) -> impl Future<Output = Result<TailPage, event_store::Error>> + Send;

    /// The commits that were made under any of these keys. Sees everything that was acknowledged before.
    fn find_keys(&self, keys: &[KeyHash]) -> impl Future<Output = Result<Vec<Commit>, event_store::Error>> + Send;
}

impl Store for EventStore {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(clock::now_micros())
    }

    async fn append(&self, commit: &Commit) -> Result<Appended, event_store::Error> {
        self.append(commit).await
    }

    async fn tail_page(&self, stream: &StreamId, from: Version) -> Result<TailPage, event_store::Error> {
        self.tail_page(stream, from, PAGE).await
    }

    async fn find_keys(&self, keys: &[KeyHash]) -> Result<Vec<Commit>, event_store::Error> {
        self.find_keys(keys).await
    }
}
