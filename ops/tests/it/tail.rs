//! A topic is shown event by event: the ones that were asked for, to the log's end or beyond it.

use std::time::Duration;

use bus::{Kafka, KafkaConfig, Producer, Registry};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use runtime::Process;
use schemas::{
    AnyEvent, CancellationCause, Event as _, EventId, OrderCancelled, OrderEvent, OrderId, OrderReserved, Recorded,
    StreamId, Timestamp, UserId, Version,
};
use serde_json::{Value, json};
use stack::eventually;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use uuid::Uuid;

use crate::apply::applied;

pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Writes events as a relay does.
pub(crate) struct Writer {
    process: Process,
    producer: Producer,
}

impl Writer {
    pub(crate) fn new(config: &KafkaConfig) -> Self {
        let process = Process::new("ops-test", None);
        let registry = Registry::connect(config, &process).unwrap();
        let producer = Producer::connect(&Kafka::connect(config, &process).unwrap(), &registry).unwrap();
        Self { process, producer }
    }

    /// Writes so many versions of an order and returns when they lie in the log.
    pub(crate) async fn write(&self, stream: &StreamId, versions: std::ops::RangeInclusive<u32>) {
        let round = eventually("the schemas are known", SOON, async || self.producer.round().ok()).await;
        for version in versions {
            round.send(&event(stream, version)).unwrap().await.unwrap();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

/// A fresh order.
pub(crate) fn order() -> StreamId {
    OrderId::from_bits(Uuid::new_v4().as_u128()).stream().clone()
}

fn event(stream: &StreamId, version: u32) -> Recorded<AnyEvent> {
    let cancelled = OrderCancelled {
        cause: CancellationCause::Requested,
        cancelled_by: None,
        reason: Some("changed my mind".to_owned()),
    };
    let event =
        if version == 1 { OrderEvent::Reserved(OrderReserved { pieces: 1 }) } else { OrderEvent::Cancelled(cancelled) };
    Recorded {
        stream: stream.clone(),
        version: Version(version),
        id: EventId(Uuid::new_v4()),
        at: Timestamp::from_micros(1_700_000_000_000_000 + i64::from(version)),
        owner: Some(UserId::from_bits(7)),
        correlation: "request-1".into(),
        causation: None,
        traceparent: None,
        event: event.into_any(),
    }
}

fn command(config: &KafkaConfig, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    command.args(words).env("KAFKA_BROKERS", &config.kafka_brokers);
    command.env("SCHEMA_REGISTRY_URL", &config.schema_registry_url).kill_on_drop(true);
    command
}

/// What is shown, an object per line.
pub(crate) async fn shown(config: &KafkaConfig, words: &[&str]) -> Vec<Value> {
    let output = command(config, &[words, &["--output", "json"]].concat()).output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn versions(lines: &[Value]) -> Vec<u64> {
    lines.iter().filter_map(|line| line["version"].as_u64()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_shown_to_its_end_and_filters_leave_out_the_rest() {
    let config = applied().await;
    let (writer, one, other) = (Writer::new(&config), order(), order());
    writer.write(&one, 1..=3).await;
    writer.write(&other, 1..=1).await;
    let key = ["tail", "orders", "--key", one.as_str()];

    let lines = shown(&config, &key).await;
    assert_eq!(versions(&lines), [1, 2, 3]);
    let line = &lines[1];
    let expected = json!({
        "topic": "orders.events.v1", "partition": line["partition"], "offset": line["offset"], "written": line["written"],
        "stream": one.as_str(), "version": 2, "type": "OrderCancelled", "id": line["id"],
        "at": "2023-11-14T22:13:20.000002Z", "owner": UserId::from_bits(7).to_string(), "correlation": "request-1",
        "data": { "cause": "requested", "cancelled_by": null, "reason": "changed my mind" },
    });
    assert_eq!(*line, expected);

    let with = async |more: &[&str]| versions(&shown(&config, &[&key[..], more].concat()).await);
    assert_eq!(with(&["--type", "OrderReserved,OrderPaid"]).await, [1]);
    let (partition, offset) = (line["partition"].to_string(), line["offset"].to_string());
    assert_eq!(with(&["--partition", &partition, "--from-offset", &offset]).await, [2, 3]);
    assert_eq!(with(&["--since", "1h"]).await, [1, 2, 3]);
    assert!(with(&["--until", "1h"]).await.is_empty(), "all is younger");
    assert_eq!(shown(&config, &["tail", "orders.events.v1", "--key", other.as_str()]).await.len(), 1);

    let text = command(&config, &key).output().await.unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    let second = text.lines().nth(1).unwrap();
    assert!(second.contains(&format!("{one} v2 OrderCancelled  {{")) && text.lines().count() == 3, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_is_shown_what_is_written_later() {
    let config = applied().await;
    let (writer, stream) = (Writer::new(&config), order());
    writer.write(&stream, 1..=1).await;
    let mut following = command(&config, &["tail", "orders", "--key", stream.as_str(), "--follow"]);
    let mut following = following.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut next = async || tokio::time::timeout(SOON, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(next().await.contains(" v1 OrderReserved"));
    writer.write(&stream, 2..=2).await;
    assert!(next().await.contains(" v2 OrderCancelled"));
    following.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_decoded_is_shown_with_the_reason() {
    let config = applied().await;
    let (writer, stream) = (Writer::new(&config), order());
    writer.write(&stream, 1..=1).await;
    let strange: FutureProducer = ClientConfig::new().set("bootstrap.servers", &config.kafka_brokers).create().unwrap();
    let record = FutureRecord::to("orders.events.v1").key(stream.as_str()).payload("no event");
    strange.send(record, Timeout::Never).await.unwrap();
    let lines = shown(&config, &["tail", "orders", "--key", stream.as_str()]).await;
    let errors: Vec<_> = lines.iter().filter_map(|line| line["error"].as_str()).collect();
    assert_eq!((lines.len(), errors.len()), (2, 1), "{lines:?}");
    assert!(errors[0].contains("cannot be decoded"), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_or_partition_that_is_not_there_is_refused() {
    let config = applied().await;
    for (words, said) in [
        (&["tail", "nothing"][..], "there is no such topic"),
        (&["tail", "orders", "--partition", "12"], "it has no partition 12"),
    ] {
        let output = command(&config, words).output().await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(said), "{output:?}");
    }
    for words in [&["tail", "orders", "--since", "soon"][..], &["tail", "orders", "--from-offset", "3"]] {
        assert_eq!(command(&config, words).output().await.unwrap().status.code(), Some(64), "{words:?}");
    }
}
