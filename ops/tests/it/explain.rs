//! An order's story is told from its commits, and how much of it readers see.

use event_store::{CommandRecord, Commit, StoredEvent};
use read_model::generations::Shape;
use read_model::{
    Applied, Batch, DocumentWrite, Generation, Parking, ReadModel, RedisConfig, Sighting, Source, Target,
};
use schemas::{
    CancellationCause, Event, EventId, FulfilmentCompleted, FulfilmentEvent, FulfilmentResult, OrderCancelled,
    OrderEvent, OrderId, OrderReserved, Position, StreamId, Timestamp, UserId, Version,
};
use serde_json::{Value, json};
use stack::servers::Redis;
use stack::testing;
use tokio::process::Command;
use uuid::Uuid;
use views::Projection;

use crate::republish::{published, store};
use crate::shown::write_of;

const ORDERS: Target = Target { projection: "orders", generation: Generation(1) };

/// One event, decided at this millisecond by this caller because of that one.
fn commit(
    stream: &StreamId,
    (version, millis): (u32, i64),
    event: &impl Event,
    cause: Option<(&str, &Commit)>,
) -> Commit {
    let causation = cause.map(|(_, commit)| EventId::of_commit(commit.id, 0).to_string().into());
    let caller = cause.map_or("usr_ada", |(caller, _)| caller).into();
    let command =
        CommandRecord { events: 1, caller, correlation: "request-1".into(), causation, ..CommandRecord::default() };
    Commit {
        stream: stream.clone(),
        first: Version(version),
        id: Uuid::new_v4(),
        at: Timestamp::from_micros(1_700_000_000_000_000 + millis * 1_000),
        owner: Some(UserId::from_bits(7)),
        commands: vec![command],
        keys: Vec::new(),
        events: vec![StoredEvent::of(event).unwrap()],
    }
}

/// Shows a commit as if it was all that a projector had read.
async fn show(read_model: &ReadModel, commit: &Commit) {
    let source = Source { topic: "orders.events.v1".into(), partition: 0 };
    read_model.found(&ORDERS, Shape(Projection::Orders.shape()), 0).await.unwrap();
    let base = read_model.open(&ORDERS, &source).await.unwrap();
    let last_event = EventId::of_commit(commit.id, 0);
    let write = DocumentWrite {
        sightings: vec![Sighting { version: commit.first, note: String::new() }],
        ..write_of(&commit.stream, (Version::NONE, commit.first), last_event, "{}")
    };
    let next = Position { next: base.next + 1, last: Some(last_event) };
    let (writes, parking) = (vec![write], Parking::default());
    let batch = Batch { target: ORDERS, source, base, next, writes, gaps: Vec::new(), parking };
    assert_eq!(read_model.apply(&batch).await.unwrap(), Applied::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_explained_by_what_caused_what_and_by_what_readers_see() {
    let redis: Redis = testing::own().await;
    let (store, mongodb, process) = store("explain").await;
    let read_model = ReadModel::connect(&RedisConfig { redis_url: redis.url().into() }, &process).unwrap();
    let order = OrderId::from_bits(Uuid::new_v4().as_u128());
    let reserved = OrderEvent::Reserved(OrderReserved { pieces: 2 });
    let cancelled = OrderCancelled { cause: CancellationCause::Requested, cancelled_by: None, reason: None };
    let completed = FulfilmentCompleted { result: FulfilmentResult::Compensated, reason: None, by: None };
    let placed = commit(order.stream(), (1, 0), &reserved, None);
    let fulfilment = FulfilmentEvent::Completed(completed);
    let ended = commit(order.fulfilment().stream(), (1, 30), &fulfilment, Some(("fulfilment", &placed)));
    let told = commit(order.stream(), (2, 70), &OrderEvent::Cancelled(cancelled), Some(("fulfilment", &ended)));
    published(&store, &[placed.clone(), ended, told]).await;
    show(&read_model, &placed).await;

    let explain = async |order: &OrderId, code: i32| -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
        command.args(["explain", order.as_str(), "--output", "json"]);
        let output = command.env("MONGODB_URI", &mongodb).env("REDIS_URL", redis.url()).output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let answer = explain(&order, 0).await;
    let events = answer["events"].as_array().unwrap().iter();
    let told: Vec<_> =
        events.map(|event| json!([event["type"], event["depth"], event["afterMicros"], event["caller"]])).collect();
    let expected = [
        json!(["OrderReserved", 0, null, "usr_ada"]),
        json!(["FulfilmentCompleted", 1, 30_000, "fulfilment"]),
        json!(["OrderCancelled", 2, 40_000, "fulfilment"]),
    ];
    assert_eq!((told.as_slice(), &answer["tookMicros"]), (&expected[..], &json!(70_000)), "{answer}");
    let hops = |event: usize| answer["events"][event]["hops"].as_array().unwrap().iter().map(|hop| &hop["to"]);
    assert_eq!(hops(0).collect::<Vec<_>>(), [&json!("orders")], "{answer}");
    assert_eq!((hops(1).count(), hops(2).count()), (0, 0), "nobody has shown them");
    let seen = json!([{
        "projection": "orders", "generation": 1, "stream": order.as_str(), "version": 1, "head": 2,
    }]);
    assert_eq!(answer["views"], seen, "the others were never filled");
    let _nothing = explain(&OrderId::from_bits(Uuid::new_v4().as_u128()), 2).await;
    process.shutdown.request();
}
