//! An order is watched until it has ended.

use std::process::Stdio;

use read_model::{
    Applied, Batch, DocumentWrite, Generation, Parking, Position, ReadModel, RedisConfig, Source, Target,
};
use runtime::Process;
use schemas::{
    CancellationCause, Currency, EventId, OrderCancelled, OrderEvent, OrderId, OrderPlaced, Recorded, Timestamp,
    UserId, Version,
};
use serde_json::Value;
use stack::servers::Redis;
use stack::testing;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use uuid::Uuid;
use views::{HistoryView, View as _};

const HISTORY: Target = Target { projection: "history", generation: Generation(1) };

fn recorded(order: &OrderId, version: u32, event: OrderEvent) -> Recorded<OrderEvent> {
    Recorded {
        stream: order.stream().clone(),
        version: Version(version),
        id: EventId(Uuid::now_v7()),
        at: Timestamp::from_micros(i64::from(version) * 1_000_000),
        owner: None,
        correlation: "request-1".into(),
        causation: None,
        traceparent: None,
        event,
    }
}

/// The history after one more event, shown as a projector shows it.
async fn show(read_model: &ReadModel, before: Option<HistoryView>, event: &Recorded<OrderEvent>) -> HistoryView {
    let source = Source { topic: "orders.events.v1".into(), partition: 0 };
    let base = read_model.open(&HISTORY, &source).await.unwrap();
    let history = HistoryView::apply(before, event).unwrap().unwrap();
    let write = DocumentWrite {
        stream: event.stream.clone(),
        from: Version(event.version.0 - 1),
        to: event.version,
        last_event: event.id,
        body: Some(serde_json::to_vec(&history).unwrap()),
        list_add: Vec::new(),
        list_remove: Vec::new(),
        text_add: Vec::new(),
        text_remove: Vec::new(),
        sightings: Vec::new(),
    };
    let next = Position { next: base.next + 1, last: Some(event.id) };
    let (writes, parking) = (vec![write], Parking::default());
    let batch = Batch { target: HISTORY, source, base, next, writes, gaps: Vec::new(), parking };
    assert_eq!(read_model.apply(&batch).await.unwrap(), Applied::Done);
    history
}

fn watch(redis: &Redis, order: &OrderId) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    command.args(["order", "watch", order.as_str(), "--output", "json"]).env("REDIS_URL", redis.url());
    command.kill_on_drop(true).stdout(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_watched_until_it_has_ended_and_one_that_never_was_is_not() {
    let redis: Redis = testing::own().await;
    let process = Process::new("ops-test", None);
    let read_model = ReadModel::connect(&RedisConfig { redis_url: redis.url().into() }, &process).unwrap();
    let (order, user) = (OrderId::from_bits(1), UserId::from_bits(7));
    let currency = Currency::parse("EUR").unwrap();
    let placed = OrderPlaced { user_id: user, lines: Vec::new(), currency, total_amount: 0, payment_method: None };
    let history = show(&read_model, None, &recorded(&order, 1, OrderEvent::Placed(placed))).await;

    let mut watching = watch(&redis, &order).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = async || lines.next_line().await.unwrap().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    assert_eq!(next().await.unwrap()["type"], "OrderPlaced");
    let cancelled = OrderCancelled { cause: CancellationCause::Requested, cancelled_by: None, reason: None };
    let _ended = show(&read_model, Some(history), &recorded(&order, 2, OrderEvent::Cancelled(cancelled))).await;
    let ended = next().await.unwrap();
    assert_eq!((&ended["type"], &ended["version"]), (&"OrderCancelled".into(), &2.into()));
    assert_eq!(next().await, None);
    assert_eq!(watching.wait().await.unwrap().code(), Some(0));

    let unknown = watch(&redis, &OrderId::from_bits(2)).output().await.unwrap();
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
    process.shutdown.request();
}
