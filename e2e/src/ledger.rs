//! What MongoDB holds: every commit of every stream, and what it must come to.

use std::collections::BTreeMap;

use bson::{Document, doc};
use event_store::{Commit, EventStore};
use futures::TryStreamExt as _;
use schemas::{AnyEvent, Recorded, StreamId, Version};

/// Every event, by stream, in order. The truth that everything else is compared with.
pub type Ledger = BTreeMap<StreamId, Vec<Recorded<AnyEvent>>>;

/// Reads the whole store; panics if a stream has a gap.
pub async fn read(store: &EventStore) -> Ledger {
    let commits = store.database().collection::<Document>("commits");
    let ids = commits.find(doc! {}).projection(doc! { "_id": 1 }).await.expect("a cursor over the commits");
    let ids: Vec<Document> = ids.try_collect().await.expect("every commit");
    let mut streams: Vec<String> = ids.iter().map(stream_of).collect();
    streams.sort_unstable();
    streams.dedup();
    let mut ledger = Ledger::new();
    for stream in streams {
        let stream = StreamId::parse(&stream).expect("a stream id");
        let tail = store.tail(&stream, Version::FIRST).await.expect("the stream");
        let events: Vec<_> = tail.iter().flat_map(events_of).collect();
        for (event, version) in events.iter().zip(1..) {
            assert_eq!(event.version, Version(version), "{stream} has a gap");
        }
        ledger.insert(stream, events);
    }
    ledger
}

fn stream_of(commit: &Document) -> String {
    let id = commit.get_document("_id").expect("a commit's id");
    id.get_str("s").expect("a stream").to_owned()
}

fn events_of(commit: &Commit) -> Vec<Recorded<AnyEvent>> {
    commit.recorded().expect("readable events")
}

/// How many commits still carry the outbox mark.
pub async fn marked(store: &EventStore) -> u64 {
    let commits = store.database().collection::<Document>("commits");
    commits.count_documents(doc! { "o": { "$exists": true } }).await.expect("a count of marked commits")
}
