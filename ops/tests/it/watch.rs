//! An order is watched until it has ended.

use std::process::Stdio;
use std::time::Duration;

use read_model::generations::Shape;
use read_model::{
    Applied, Batch, Cause, Generation, Origin, Park, Parking, ParkingEntry, ReadModel, RedisConfig, Released, Source,
    Target,
};
use redis::aio::MultiplexedConnection;
use runtime::{Process, clock};
use schemas::{
    CancellationCause, Currency, EventId, OrderCancelled, OrderEvent, OrderId, OrderPlaced, Position, Recorded,
    Timestamp, UserId, Version,
};
use serde_json::Value;
use stack::servers::Redis;
use stack::{eventually, testing};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use uuid::Uuid;
use views::{HistoryView, Projection, View as _};

use crate::shown::write_of;
use crate::tail::SOON;

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

fn placed(order: &OrderId) -> Recorded<OrderEvent> {
    let (user_id, currency) = (UserId::from_bits(7), Currency::parse("EUR").unwrap());
    let placed = OrderPlaced { user_id, lines: Vec::new(), currency, total_amount: 0, payment_method: None };
    recorded(order, 1, OrderEvent::Placed(placed))
}

fn cancelled(order: &OrderId) -> Recorded<OrderEvent> {
    let cancelled = OrderCancelled { cause: CancellationCause::Requested, cancelled_by: None, reason: None };
    recorded(order, 2, OrderEvent::Cancelled(cancelled))
}

/// The history after one more event, shown as a projector shows it.
async fn show(read_model: &ReadModel, before: Option<HistoryView>, event: &Recorded<OrderEvent>) -> HistoryView {
    let source = Source { topic: "orders.events.v1".into(), partition: 0 };
    read_model.found(&HISTORY, Shape(Projection::History.shape()), 0).await.unwrap();
    let base = read_model.open(&HISTORY, &source).await.unwrap();
    let history = HistoryView::apply(before, event).unwrap().unwrap();
    let write = write_of(
        &event.stream,
        (Version(event.version.0 - 1), event.version),
        event.id,
        serde_json::to_vec(&history).unwrap(),
    );
    let next = Position { next: base.next + 1, last: Some(event.id) };
    let (writes, parking) = (vec![write], Parking::default());
    let batch = Batch { target: HISTORY, source, base, next, writes, gaps: Vec::new(), parking };
    assert_eq!(read_model.apply(&batch).await.unwrap(), Applied::Done);
    history
}

/// The order's first event parks its history, and somebody has it go on without that event.
async fn discard(read_model: &ReadModel, event: &Recorded<OrderEvent>) {
    let source = Source { topic: "orders.events.v1".into(), partition: 0 };
    read_model.found(&HISTORY, Shape(Projection::History.shape()), 0).await.unwrap();
    let base = read_model.open(&HISTORY, &source).await.unwrap();
    let entry = ParkingEntry {
        version: Some(event.version),
        cause: Cause::Undecodable,
        reason: "its value is not framed".to_owned(),
        event_type: None,
        event_id: Some(event.id),
        topic: source.topic.to_string(),
        partition: source.partition,
        offset: base.next,
        at: event.at,
    };
    let parks = vec![Park { stream: event.stream.clone(), from: Version::NONE, entry }];
    let next = Position { next: base.next + 1, last: None };
    let parking = Parking { parks, held: Vec::new() };
    let batch = Batch { target: HISTORY, source, base, next, writes: Vec::new(), gaps: Vec::new(), parking };
    assert_eq!(read_model.apply(&batch).await.unwrap(), Applied::Done);
    let parked = read_model.parked(&HISTORY).await.unwrap().remove(0);
    let why = ("nobody can read it", event.at, Origin::Store);
    let released = read_model.discard(&HISTORY, &parked, event.version, why).await.unwrap();
    assert_eq!(released, Released::Done { stored: event.version });
}

/// How often documents were read so far.
async fn reads(mut raw: MultiplexedConnection) -> u64 {
    let told: String = redis::cmd("INFO").arg("commandstats").query_async(&mut raw).await.unwrap();
    let calls = told.lines().find_map(|line| line.strip_prefix("cmdstat_hmget:calls="));
    calls.and_then(|calls| calls.split(',').next()).map_or(0, |calls| calls.parse().unwrap())
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
    let order = OrderId::from_bits(1);
    let history = show(&read_model, None, &placed(&order)).await;

    let mut watching = watch(&redis, &order).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = async || lines.next_line().await.unwrap().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    assert_eq!(next().await.unwrap()["type"], "OrderPlaced");
    let _ended = show(&read_model, Some(history), &cancelled(&order)).await;
    let ended = next().await.unwrap();
    assert_eq!((&ended["type"], &ended["version"]), (&"OrderCancelled".into(), &2.into()));
    assert_eq!(next().await, None);
    assert_eq!(watching.wait().await.unwrap().code(), Some(0));

    let unknown = watch(&redis, &OrderId::from_bits(2)).output().await.unwrap();
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
    process.shutdown.request();
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_first_event_that_was_discarded_the_next_one_is_waited_for() {
    let redis: Redis = testing::own().await;
    let process = Process::new("ops-test", None);
    let read_model = ReadModel::connect(&RedisConfig { redis_url: redis.url().into() }, &process).unwrap();
    let (order, client) = (OrderId::from_bits(1), redis::Client::open(redis.url()).unwrap());
    let placed = placed(&order);
    discard(&read_model, &placed).await;

    let mut watching = watch(&redis, &order).spawn().unwrap();
    let raw = client.get_multiplexed_async_connection().await.unwrap();
    let looked = async || Some(reads(raw.clone()).await).filter(|reads| *reads > 0);
    let first = eventually("somebody looks", SOON, looked).await;
    // Whoever waits looks again every 50 ms; whoever does not wait is through at once.
    let begun = clock::monotonic();
    let often = async || (reads(raw.clone()).await >= first + 20).then_some(());
    eventually("somebody looks again and again", SOON, often).await;
    assert!(begun.elapsed() > Duration::from_millis(400), "{:?}: without a pause", begun.elapsed());

    let history = HistoryView::apply(None, &placed).unwrap().unwrap();
    let _ended = show(&read_model, Some(history), &cancelled(&order)).await;
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(SOON, lines.next_line()).await.unwrap().unwrap().unwrap();
    let ended: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&ended["type"], &ended["version"]), (&"OrderCancelled".into(), &2.into()));
    assert_eq!(watching.wait().await.unwrap().code(), Some(0));
    process.shutdown.request();
}
