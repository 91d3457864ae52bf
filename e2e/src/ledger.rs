//! What MongoDB holds: every commit of every stream, and what it must come to.

use std::collections::BTreeMap;

use bson::{Document, doc};
use event_store::{Commit, EventStore};
use futures::{StreamExt as _, TryStreamExt as _};
use schemas::{Aggregate, AnyEvent, FulfilmentEvent, FulfilmentResult, OrderId, Recorded, StreamId, Version};

/// Streams that are read at a time.
const AT_A_TIME: usize = 32;

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
    let read = futures::stream::iter(streams).map(|stream| read_stream(store, stream));
    read.buffer_unordered(AT_A_TIME).collect::<Vec<_>>().await.into_iter().collect()
}

async fn read_stream(store: &EventStore, stream: String) -> (StreamId, Vec<Recorded<AnyEvent>>) {
    let stream = StreamId::parse(&stream).expect("a stream id");
    let tail = store.tail(&stream, Version::FIRST).await.expect("the stream");
    let events: Vec<_> = tail.iter().flat_map(events_of).collect();
    for (event, version) in events.iter().zip(1..) {
        assert_eq!(event.version, Version(version), "{stream} has a gap");
    }
    (stream, events)
}

fn stream_of(commit: &Document) -> String {
    let id = commit.get_document("_id").expect("a commit's id");
    id.get_str("s").expect("a stream").to_owned()
}

fn events_of(commit: &Commit) -> Vec<Recorded<AnyEvent>> {
    commit.recorded().expect("readable events")
}

/// An order that is still being carried out, if there is one: it will make more events.
#[must_use]
pub fn unfinished(ledger: &Ledger) -> Option<&StreamId> {
    let orders = ledger.keys().filter(|stream| stream.aggregate() == Aggregate::Order);
    orders.into_iter().find(|order| !is_finished(ledger, order))
}

/// Whether the order's fulfilment has ended, and knows of everything that happened to the order and its payment.
fn is_finished(ledger: &Ledger, order: &StreamId) -> bool {
    let id = OrderId::parse(order.as_str()).expect("an order id");
    let names = |stream: &StreamId| ledger.get(stream).into_iter().flatten().map(|event| event.event.name());
    let ended = names(id.fulfilment().stream()).next_back() == Some("FulfilmentCompleted");
    let called_off = names(order).any(|name| name == "OrderCancelled");
    let fulfilled = ledger.get(id.fulfilment().stream()).and_then(|events| events.last()).is_some_and(|last| {
        let AnyEvent::Fulfilment(FulfilmentEvent::Completed(completed)) = &last.event else { return false };
        completed.result == FulfilmentResult::Fulfilled
    });
    ended && !(called_off && fulfilled)
}

/// How many commits still carry the outbox mark.
pub async fn marked(store: &EventStore) -> u64 {
    let commits = store.database().collection::<Document>("commits");
    commits.count_documents(doc! { "o": { "$exists": true } }).await.expect("a count of marked commits")
}
