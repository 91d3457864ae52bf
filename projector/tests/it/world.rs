//! What the tests share: servers, a projector that can be started and stopped, and events.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bus::admin::Topics;
use bus::registry_admin::Subjects;
use bus::{Kafka, KafkaConfig, Producer, Registry};
use clap::Parser;
use projector::Config;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use read_model::{Generation, ReadModel, Reader, RedisConfig, Target};
use runtime::Process;
use schemas::{
    AnyEvent, CancellationCause, Currency, Event, EventId, OrderCancelled, OrderEvent, OrderId, OrderLine, OrderPlaced,
    Recorded, Sku, StreamId, Timestamp, UserId, Version,
};
use stack::servers::Redis;
use stack::testing::{self, eventually};
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;
use vault::{Vault, VaultConfig};
use views::View;

/// Long enough for two busy cores; a test that needs it has failed.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// The shared Kafka and registry, with topics and schemas in place.
pub(crate) async fn shared() -> KafkaConfig {
    static READY: OnceCell<KafkaConfig> = OnceCell::const_new();
    READY.get_or_init(async || prepared(testing::kafka().await.url()).await).await.clone()
}

/// Topics on this Kafka, schemas in the shared registry.
pub(crate) async fn prepared(brokers: &str) -> KafkaConfig {
    // The registry is the tests' common one, and takes one at a time.
    static ONE: Mutex<()> = Mutex::const_new(());
    let registry = testing::registry().await.url().to_owned();
    let config = KafkaConfig::in_clear(brokers, registry);
    let _one = ONE.lock().await;
    Topics::connect(&config, 1).unwrap().apply().await.unwrap();
    Subjects::connect(&config).unwrap().apply().await.unwrap();
    config
}

/// A Kafka, a Redis of the test's own, and a generation of its own, which keeps consumer groups apart.
pub(crate) struct World {
    pub(crate) kafka: KafkaConfig,
    pub(crate) redis: Redis,
    pub(crate) process: Process,
    pub(crate) reader: Reader,
    pub(crate) read_model: ReadModel,
    pub(crate) generation: Generation,
    producer: Producer,
    vault: VaultConfig,
}

impl World {
    pub(crate) async fn new(kafka: KafkaConfig) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let redis: Redis = testing::own().await;
        let process = Process::new("projector-test", None);
        let read_model = ReadModel::connect(&RedisConfig { redis_url: redis.url().into() }, &process).unwrap();
        let cluster = Kafka::connect(&kafka, &process).unwrap();
        let registry = Registry::connect(&kafka, &process).unwrap();
        let producer = Producer::connect(&cluster, &registry).unwrap();
        // A test may begin more generations behind its first one.
        let generation = Generation(NEXT.fetch_add(10, Ordering::Relaxed));
        let reader = read_model.reader();
        Self { kafka, redis, process, reader, read_model, generation, producer, vault: vault_config().await }
    }

    /// A vault beside the projector's, over the same keys.
    pub(crate) async fn vault(&self) -> Vault {
        Vault::unwatched(&self.vault).await.unwrap()
    }

    /// Starts a projector of this name for these projections.
    pub(crate) fn project(&self, instance: &str, projections: &str) -> Running {
        let KafkaConfig { kafka_brokers, schema_registry_url, .. } = &self.kafka;
        let generation = self.generation.to_string();
        let words = [
            ["--kafka-brokers", kafka_brokers],
            ["--schema-registry-url", schema_registry_url],
            ["--redis-url", self.redis.url()],
            ["--vault-mongodb-uri", self.vault.vault_mongodb_uri.expose()],
            ["--vault-master-key", self.vault.vault_master_key.expose()],
            ["--projections", projections],
            ["--generation", &generation],
        ];
        let config = Config::parse_from(["projector"].into_iter().chain(words.into_iter().flatten()));
        let process = Process::new("projector", Some(instance));
        let running = process.clone();
        process.tasks.supervise("projector", projector::run(config, running));
        Running(process)
    }

    /// Writes events to Kafka, in order; returns when they are there.
    pub(crate) async fn publish(&self, events: &[Recorded<AnyEvent>]) {
        let round = eventually("the producer is ready", SOON, async || self.producer.round().ok()).await;
        let acks: Vec<_> = events.iter().map(|event| round.send(event).unwrap()).collect();
        for ack in acks {
            ack.await.unwrap();
        }
    }

    /// Writes a record of this stream that gives no event, as none of ours would; returns when it is there.
    pub(crate) async fn garbage(&self, topic: &str, stream: &StreamId, version: Option<u32>, event_type: &str) {
        self.keyed_garbage(topic, stream.as_str(), version, event_type).await;
    }

    /// As [`Self::garbage`], under any key.
    pub(crate) async fn keyed_garbage(&self, topic: &str, key: &str, version: Option<u32>, event_type: &str) {
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.kafka.kafka_brokers)
            .set("partitioner", "murmur2_random")
            .create()
            .unwrap();
        let (id, version) = (Uuid::new_v4().to_string(), version.map(|version| version.to_string()));
        let headers = [
            ("ce_id", Some(id.as_str())),
            ("ce_type", Some(event_type)),
            ("ce_time", Some("2023-11-14T22:13:20Z")),
            ("ce_sequence", version.as_deref()),
        ];
        let headers = headers.into_iter().filter(|(_, value)| value.is_some());
        let headers = headers.fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value }));
        // Framed, with the id of a schema that nobody has registered.
        let value = [&[0, 0x7f, 0xff, 0xff, 0xff][..], b"garbage"].concat();
        let record = FutureRecord::to(topic).key(key).payload(&value).headers(headers);
        producer.send(record, Timeout::Never).await.map_err(|(error, _)| error).unwrap();
    }

    /// What is written here.
    pub(crate) fn views_of(&self, projection: &'static str) -> Target {
        Target { projection, generation: self.generation }
    }

    /// Makes a parked stream's entry name another type of event.
    pub(crate) async fn rename_parked_type(&self, stream: &StreamId, projection: &str, from: &str, to: &str) {
        let client = redis::Client::open(self.redis.url()).unwrap();
        let mut raw = client.get_multiplexed_async_connection().await.unwrap();
        let key = format!("{{{projection}}}:g{}:parked", self.generation);
        let entry: String = redis::cmd("HGET").arg(&key).arg(stream.as_str()).query_async(&mut raw).await.unwrap();
        let entry = entry.replace(from, to);
        let _: u32 = redis::cmd("HSET").arg(&key).arg(stream.as_str()).arg(entry).query_async(&mut raw).await.unwrap();
    }

    /// The version of a document; 0 if there is none, or if Redis is away.
    pub(crate) async fn version(&self, projection: &'static str, stream: &StreamId) -> u32 {
        let found = self.reader.document(projection, stream).await.ok().flatten();
        found.map_or(0, |document| document.version.0)
    }

    /// Waits until the views are, byte for byte, the fold of these events, each taken once.
    pub(crate) async fn shows<V: View>(&self, events: &[Recorded<AnyEvent>]) {
        let expected = folded::<V>(events);
        let streams: Vec<_> = expected.keys().map(|stream| (V::PROJECTION.name(), stream)).collect();
        eventually("the views are the fold of the events", SOON, async || {
            let found = self.reader.documents(&streams).await.ok()?;
            let same = found.iter().zip(expected.values()).all(|(found, (version, body))| {
                found.as_ref().is_some_and(|found| found.version == *version && found.body.as_ref() == Some(body))
            });
            same.then_some(())
        })
        .await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

/// The keys of everybody on the shared topics.
async fn vault_config() -> VaultConfig {
    let uri = testing::mongo().await.database("vault");
    let master = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    VaultConfig { vault_mongodb_uri: uri.as_str().into(), vault_master_key: master.into() }
}

/// Each stream's version and the JSON of its view.
fn folded<V: View>(events: &[Recorded<AnyEvent>]) -> BTreeMap<StreamId, (Version, Vec<u8>)> {
    let mut views = BTreeMap::<StreamId, (Version, Option<V>)>::new();
    for event in events {
        let mine = event.clone().map(|any| V::Event::from_any(any).expect("an event of this view"));
        let (version, view) = views.entry(event.stream.clone()).or_default();
        if event.version == version.next() {
            *version = event.version;
            *view = V::apply(view.take(), &mine).unwrap();
        }
    }
    let json = |(stream, (version, view))| (stream, (version, serde_json::to_vec(&view).unwrap()));
    views.into_iter().map(json).collect()
}

/// A running projector.
pub(crate) struct Running(pub(crate) Process);

impl Running {
    /// Ends it as SIGTERM would.
    pub(crate) async fn stop(self) {
        self.0.shutdown.request();
        assert!(self.0.tasks.finish(SOON).await, "a task did not end");
        assert!(!self.0.tasks.failed(), "a task failed");
    }

    /// Why this dependency is down; nothing while it is not declared.
    pub(crate) fn reason(&self, dependency: &str) -> Option<String> {
        let report = self.0.health.report();
        report.dependencies.into_iter().find(|found| found.name == dependency)?.reason
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.shutdown.request();
    }
}

/// An event with an id that depends on its stream and version alone, as the same event always has.
pub(crate) fn recorded<E: Event>(stream: &StreamId, version: u32, event: E) -> Recorded<AnyEvent> {
    let mut hasher = DefaultHasher::new();
    (stream, version).hash(&mut hasher);
    Recorded {
        stream: stream.clone(),
        version: Version(version),
        id: EventId(Uuid::from_u128(hasher.finish().into())),
        at: Timestamp::from_micros(1_700_000_000_000_000 + i64::from(version)),
        owner: Some(UserId::from_bits(7)),
        correlation: "request-1".into(),
        causation: None,
        traceparent: None,
        event: event.into_any(),
    }
}

pub(crate) fn fresh_order() -> StreamId {
    OrderId::from_bits(Uuid::new_v4().as_u128()).stream().clone()
}

pub(crate) fn placed(order: &StreamId) -> Recorded<AnyEvent> {
    let line = OrderLine { sku: Sku::parse("LAMP").unwrap(), name: "Lamp".to_owned(), quantity: 2, unit_price: 5 };
    let placed = OrderPlaced {
        user_id: UserId::from_bits(7),
        lines: vec![line],
        currency: Currency::parse("EUR").unwrap(),
        total_amount: 10,
        payment_method: None,
    };
    recorded(order, 1, OrderEvent::Placed(placed))
}

pub(crate) fn cancelled(order: &StreamId) -> Recorded<AnyEvent> {
    recorded(
        order,
        2,
        OrderEvent::Cancelled(OrderCancelled {
            cause: CancellationCause::Requested,
            cancelled_by: Some(UserId::from_bits(7)),
            reason: None,
        }),
    )
}
