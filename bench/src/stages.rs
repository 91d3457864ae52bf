//! What an order's way is made of, each stage alone and by the plainest means: an insert, a record through Kafka, a write
//! to Redis, and a word over a WebSocket and back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bson::{Document, doc};
use futures::{SinkExt as _, StreamExt as _};
use mongodb::Collection;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, ThreadedProducer};
use redis::aio::MultiplexedConnection;
use runtime::clock::Instant;
use stack::within;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::append::raw_commits;
use crate::load::{Call, open};
use crate::measure::{Quantiles, Round, Times, real};
use crate::rival::Rival;
use crate::world::{PATIENCE, World};

const DATABASE: &str = "bench-stages";
const TOPIC: &str = "bench.stages.v1";
const PARTITIONS: i32 = 12;
/// Operations that may be under way in one stage.
const WAITING: usize = 128;
/// About the size of an order's event, and of what is told of it.
const BYTES: usize = 400;

/// Connections to everything.
pub(crate) struct Stages {
    commits: Collection<Document>,
    producer: ThreadedProducer<DefaultProducerContext>,
    log: Log,
    redis: MultiplexedConnection,
    echo: Rival,
}

impl Stages {
    /// Connects.
    pub(crate) async fn prepare(world: &World) -> Self {
        let commits = raw_commits(&world.database(DATABASE, 64).await, "commits").await;
        let brokers = &world.system.addresses().kafka_brokers;
        let mut config = ClientConfig::new();
        let config = config.set("bootstrap.servers", brokers).set("linger.ms", "0").set("acks", "all");
        let config = config.set("enable.idempotence", "true").set("compression.type", "lz4");
        create_topic(brokers, TOPIC).await;
        let producer = config.create().expect("a producer");
        let log = Log::read(brokers).await;
        Self { commits, producer, log, redis: world.redis().await, echo: Rival::start(&["broadcast"]).await }
    }

    /// Measures each stage alone at this rate; the sums of their percentiles.
    pub(crate) async fn measure(&self, rate: f64, window: Duration) -> Round {
        let stages = [
            self.insert(rate, window).await,
            self.publish(rate, window).await,
            self.write(rate, window).await,
            self.say(rate, window).await,
        ];
        let all = stages.map(|times| (times.count(), times.quantiles()));
        let sum = |of: fn(&Quantiles) -> f64| all.iter().map(|(_, times)| of(times)).sum();
        let times =
            Quantiles { p50: sum(|times| times.p50), p99: sum(|times| times.p99), p999: sum(|times| times.p999) };
        let operations = all.iter().map(|(count, _)| *count).min().unwrap_or_default();
        let cpu = Vec::new();
        Round { operations, seconds: real(operations) / rate, cpu, times: Some(times) }
    }

    async fn insert(&self, rate: f64, window: Duration) -> Times {
        let run = Uuid::now_v7().to_string();
        let mut callers = vec![(); WAITING];
        let done = open(&mut callers, rate, window, async |(), Call { number, .. }| {
            let id = doc! { "s": format!("{run}-{number}"), "v": 1_i64 };
            let commit = doc! { "_id": id, "at": 1_i64, "o": 1, "ev": "x".repeat(BYTES) };
            let _ = self.commits.insert_one(commit).await.expect("an insert");
        });
        done.await.times
    }

    async fn publish(&self, rate: f64, window: Duration) -> Times {
        let (run, value) = (Uuid::now_v7(), "x".repeat(BYTES));
        let mut callers = vec![(); WAITING];
        let done = open(&mut callers, rate, window, async |(), Call { number, begun }| {
            let key = format!("{run}-{number}");
            self.log.expect(&key, begun);
            let record = BaseRecord::to(TOPIC).key(&key).payload(&value);
            self.producer.send(record).expect("room in the producer's queue");
        });
        let _sent = done.await;
        self.log.arrived().await
    }

    async fn write(&self, rate: f64, window: Duration) -> Times {
        let value = "x".repeat(BYTES);
        let mut connections = vec![self.redis.clone(); WAITING];
        let done = open(&mut connections, rate, window, async |redis, Call { number, .. }| {
            let mut command = redis::cmd("HSET");
            let command = command.arg(format!("bench:stages:{}", number % 10_000)).arg("b").arg(&value);
            let _: () = command.query_async(redis).await.expect("a write");
        });
        done.await.times
    }

    async fn say(&self, rate: f64, window: Duration) -> Times {
        let url = format!("{}/ws", self.echo.url().replacen("http", "ws", 1));
        let mut sockets = Vec::new();
        for _ in 0..16 {
            sockets.push(tokio_tungstenite::connect_async(&url).await.expect("a socket").0);
        }
        let word = Message::text("x".repeat(BYTES));
        let done = open(&mut sockets, rate, window, async |socket, _call| {
            socket.send(word.clone()).await.expect("a word");
            let _echo = socket.next().await.expect("an echo").expect("an echo");
        });
        done.await.times
    }
}

/// Creates a topic with as many partitions as ours have, unless it is there.
pub(crate) async fn create_topic(brokers: &str, name: &str) {
    let admin = ClientConfig::new().set("bootstrap.servers", brokers).create();
    let admin: AdminClient<DefaultClientContext> = admin.expect("an admin of Kafka");
    let topic = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1));
    let _there_or_not = admin.create_topics([&topic], &AdminOptions::new()).await.expect("an answer of Kafka");
}

impl std::fmt::Debug for Stages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stages").finish_non_exhaustive()
    }
}

/// A consumer that notes how long records were under way.
struct Log {
    flights: Arc<Mutex<Flights>>,
    reader: JoinHandle<()>,
}

#[derive(Default)]
struct Flights {
    begun: HashMap<Vec<u8>, Instant>,
    times: Times,
}

impl Log {
    async fn read(brokers: &str) -> Self {
        let mut config = ClientConfig::new();
        let config = config.set("bootstrap.servers", brokers).set("group.id", "bench.stages");
        let consumer: StreamConsumer = config.create().expect("a consumer");
        let topic = async || {
            let metadata = consumer.fetch_metadata(Some(TOPIC), PATIENCE).map_err(|error| error.to_string())?;
            let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
            if partitions == 12 { Ok(()) } else { Err(format!("{TOPIC} has {partitions} partitions")) }
        };
        within(PATIENCE, topic).await.unwrap_or_else(|missing| panic!("{missing}"));
        let mut assignment = rdkafka::TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            assignment.add_partition_offset(TOPIC, partition, rdkafka::Offset::End).expect("a partition");
        }
        consumer.assign(&assignment).expect("an assignment");
        let flights = Arc::new(Mutex::new(Flights::default()));
        let noted = Arc::clone(&flights);
        let reader = runtime::tasks::spawn("stages", async move {
            while let Ok(record) = consumer.recv().await {
                let mut flights = noted.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(begun) = flights.begun.remove(record.key().unwrap_or_default()) {
                    flights.times.record(begun.elapsed());
                }
            }
        });
        Self { flights, reader }
    }

    fn expect(&self, key: &str, begun: Instant) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = flights.begun.insert(key.as_bytes().to_vec(), begun);
    }

    /// Waits for those that are under way; how long each was.
    async fn arrived(&self) -> Times {
        let all = async || {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = flights.begun.len();
            if missing == 0 { Ok(std::mem::take(&mut flights.times)) } else { Err(format!("{missing} records")) }
        };
        within(PATIENCE, all).await.unwrap_or_else(|missing| panic!("{missing}"))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
