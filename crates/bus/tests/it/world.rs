//! What the tests share: servers, events, a raw writer, and positions that a test can see and set.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::admin::Topics;
use bus::registry_admin::Subjects;
use bus::{Consumer, GroupConfig, Header, Kafka, KafkaConfig, PartitionFeed, PositionSource, RawRecord};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header as KafkaHeader, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use runtime::Process;
use schemas::{
    AnyEvent, Currency, Event as _, EventId, OrderEvent, OrderId, OrderLine, OrderPlaced, Position, Recorded, Sku,
    Timestamp, UserId, Version,
};
use stack::testing;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Long enough for two busy cores; a test that needs it has failed.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The shared servers, with the topics and schemas in place.
pub(crate) async fn servers() -> KafkaConfig {
    static READY: OnceCell<KafkaConfig> = OnceCell::const_new();
    let prepare = async || {
        let config = config(testing::kafka().await.url(), testing::registry().await.url());
        Topics::connect(&config, 1).unwrap().apply().await.unwrap();
        Subjects::connect(&config).unwrap().apply().await.unwrap();
        config
    };
    READY.get_or_init(prepare).await.clone()
}

pub(crate) fn config(brokers: &str, registry: &str) -> KafkaConfig {
    KafkaConfig::in_clear(brokers, registry)
}

/// A process of this test; ends with it.
pub(crate) struct Member(pub(crate) Process);

impl Member {
    pub(crate) fn new() -> Self {
        Self(Process::new("bus-test", None))
    }

    /// Whether this dependency is down, with this in its reason.
    pub(crate) fn is_down(&self, dependency: &str, reason: &str) -> bool {
        let report = self.0.health.report();
        let found = report.dependencies.iter().find(|found| found.name == dependency);
        found.is_some_and(|found| found.reason.as_deref().is_some_and(|text| text.contains(reason)))
    }

    pub(crate) async fn end(self) {
        self.0.shutdown.request();
        assert!(self.0.tasks.finish(SOON).await, "a task did not end");
        assert!(!self.0.tasks.failed(), "a task failed");
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.shutdown.request();
    }
}

/// An event of an order, of this version, with every part of the envelope.
pub(crate) fn placed(order: &OrderId, version: u32) -> Recorded<AnyEvent> {
    let event = OrderPlaced {
        user_id: UserId::from_bits(7),
        lines: vec![OrderLine {
            sku: Sku::parse("LAMP-1").unwrap(),
            name: "Lamp ✓".to_owned(),
            quantity: 2,
            unit_price: 1_999,
        }],
        currency: Currency::parse("EUR").unwrap(),
        total_amount: 3_998,
        payment_method: None,
    };
    Recorded {
        stream: order.stream().clone(),
        version: Version(version),
        id: EventId(Uuid::new_v4()),
        at: Timestamp::from_micros(1_700_000_000_123_456 + i64::from(version)),
        owner: Some(UserId::from_bits(7)),
        correlation: "request-1".into(),
        causation: Some("cause-1".into()),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        event: OrderEvent::Placed(event).into_any(),
    }
}

pub(crate) fn fresh_order() -> OrderId {
    OrderId::from_bits(Uuid::new_v4().as_u128())
}

/// A topic of this name, made anew.
pub(crate) async fn fresh_topic(brokers: &str, topic: &str, partitions: i32) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    admin.delete_topics(&[topic], &AdminOptions::new()).await.unwrap();
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let create = async || {
        let results = admin.create_topics([&new], &AdminOptions::new()).await.unwrap();
        results.into_iter().all(|result| result.is_ok()).then_some(())
    };
    stack::eventually("the topic is made", SOON, create).await;
    // The broker answers that it is done a little earlier than it shows it.
    let shown = async || {
        let metadata = admin.inner().fetch_metadata(Some(topic), SOON).ok()?;
        metadata.topics().iter().any(|topic| topic.error().is_none() && !topic.partitions().is_empty()).then_some(())
    };
    stack::eventually("the topic is shown", SOON, shown).await;
}

/// Writes records that are no events, but carry an id, as all of ours do.
pub(crate) struct RawWriter {
    producer: FutureProducer,
    topic: String,
}

impl RawWriter {
    pub(crate) fn new(brokers: &str, topic: &str) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("linger.ms", "1")
            .set("enable.idempotence", "true")
            .create()
            .unwrap();
        Self { producer, topic: topic.to_owned() }
    }

    /// Writes this many records to a partition, in order; returns their ids.
    pub(crate) async fn write(&self, partition: i32, count: usize) -> Vec<EventId> {
        let ids: Vec<_> = (0..count).map(|_| EventId(Uuid::new_v4())).collect();
        let mut sent = Vec::new();
        for id in &ids {
            let text = id.to_string();
            let header = KafkaHeader { key: Header::Id.name(), value: Some(text.as_str()) };
            let record = FutureRecord::<(), str>::to(&self.topic)
                .partition(partition)
                .payload("value")
                .headers(OwnedHeaders::new().insert(header));
            sent.push(self.producer.send_result(record).map_err(|(error, _)| error).unwrap());
        }
        for delivery in sent {
            delivery.await.unwrap().map_err(|(error, _)| error).unwrap();
        }
        ids
    }

    /// Writes one record with these very bytes and headers.
    pub(crate) async fn write_bytes(&self, key: &str, value: &[u8], headers: OwnedHeaders) {
        let record = FutureRecord::to(&self.topic).key(key).payload(value).headers(headers);
        self.producer.send(record, Timeout::Never).await.map_err(|(error, _)| error).unwrap();
    }
}

/// Positions in memory, as a store that outlives consumers.
#[derive(Clone, Default)]
pub(crate) struct Positions(Arc<Mutex<HashMap<(String, i32), Position>>>);

impl Positions {
    pub(crate) fn set(&self, topic: &str, partition: i32, position: Position) {
        self.0.lock().unwrap().insert((topic.to_owned(), partition), position);
    }

    pub(crate) fn get(&self, topic: &str, partition: i32) -> Position {
        self.0.lock().unwrap().get(&(topic.to_owned(), partition)).copied().unwrap_or_default()
    }

    /// Notes that everything up to this record is done.
    pub(crate) fn done(&self, record: &RawRecord) {
        self.set(&record.topic, record.partition, record.behind());
    }
}

impl PositionSource for Positions {
    type Error = Infallible;

    async fn position(&self, topic: &str, partition: i32) -> Result<Position, Infallible> {
        Ok(self.get(topic, partition))
    }
}

/// One partition, read from this position.
pub(crate) async fn read_from(
    config: &KafkaConfig,
    member: &Member,
    topic: &str,
    position: Position,
) -> (Consumer, PartitionFeed) {
    let positions = Positions::default();
    positions.set(topic, 0, position);
    let kafka = Kafka::connect(config, &member.0).unwrap();
    let group =
        GroupConfig { group: Uuid::new_v4().to_string(), instance: "a".to_owned(), topics: vec![topic.to_owned()] };
    let mut consumer = Consumer::start(&kafka, group, positions).unwrap();
    let feed = tokio::time::timeout(SOON, consumer.next_partition()).await.unwrap().unwrap();
    (consumer, feed)
}

/// Takes exactly this many records.
pub(crate) async fn take(feed: &mut PartitionFeed, count: usize) -> Vec<RawRecord> {
    let mut records = Vec::new();
    while records.len() < count {
        let batch = tokio::time::timeout(SOON, feed.batch(count - records.len())).await;
        records.extend(batch.expect("records come").expect("the partition is ours").expect("the log is the same"));
    }
    records
}

pub(crate) fn ids(records: &[RawRecord]) -> Vec<EventId> {
    records.iter().map(|record| record.event_id().unwrap()).collect()
}
