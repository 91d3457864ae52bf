//! What MongoDB holds: every commit of every stream, and what it must come to.

use std::collections::BTreeMap;

use bson::{Document, doc};
use event_store::{Commit, EventStore};
use futures::TryStreamExt as _;
use schemas::{Aggregate, AnyEvent, FulfilmentEvent, FulfilmentResult, OrderId, Recorded, StreamId, Version};

/// Streams that are read at a time.
const AT_A_TIME: usize = 500;

/// Every event, by stream, in order. The truth that everything else is compared with.
pub type Ledger = BTreeMap<StreamId, Vec<Recorded<AnyEvent>>>;

/// Reads the whole store; panics if a stream has a gap.
pub async fn read(store: &EventStore) -> Ledger {
    let commits = store.database().collection::<Document>("commits");
    let ids = commits.find(doc! {}).projection(doc! { "_id": 1 }).await.expect("a cursor over the commits");
    let ids: Vec<Document> = ids.try_collect().await.expect("every commit");
    let mut streams: Vec<StreamId> = ids.iter().map(stream_of).collect();
    // As MongoDB orders them.
    streams.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    streams.dedup();
    let mut ledger = Ledger::new();
    for some in streams.chunks(AT_A_TIME) {
        let (Some(first), Some(last)) = (some.first(), some.last()) else { continue };
        for commit in store.between((first, Version::NONE), last, u32::MAX).await.expect("the streams") {
            add(ledger.entry(commit.stream.clone()).or_default(), &commit);
        }
    }
    ledger
}

fn stream_of(commit: &Document) -> StreamId {
    let id = commit.get_document("_id").expect("a commit's id");
    StreamId::parse(id.get_str("s").expect("a stream")).expect("a stream id")
}

fn add(events: &mut Vec<Recorded<AnyEvent>>, commit: &Commit) {
    for event in commit.recorded().expect("readable events") {
        let next = events.last().map_or(Version::FIRST, |last| last.version.next());
        assert_eq!(event.version, next, "{} has a gap", commit.stream);
        events.push(event);
    }
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
