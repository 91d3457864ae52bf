//! The same pipeline, written the obvious way: an event and its outbox entry are two inserts, each record is sent when
//! the one before it has arrived, and each event is one write to Redis. It guards against nothing. Beside B1, B2 and B3
//! it says what the ideas of this design buy.

use std::time::Duration;

use bson::{Document, doc};
use mongodb::{Collection, Database};
use rdkafka::ClientConfig;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord};
use redis::AsyncCommands as _;
use runtime::clock;
use uuid::Uuid;

use crate::case::{Case, Side};
use crate::load::{Call, closed};
use crate::measure::{Meter, Round};
use crate::plan::Plan;
use crate::world::{PATIENCE, World};
use crate::{orders, report, stages};

const DATABASE: &str = "bench-naive";
const TOPIC: &str = "bench.naive.v1";
/// Callers that append at a time.
const CLIENTS: usize = 32;

/// Runs it.
pub(crate) async fn run(world: &World, plan: &Plan) -> Vec<Case> {
    report::say("naive pipeline");
    world.only(&[]).await;
    let database = world.database(DATABASE, 64).await;
    let brokers = &world.system.addresses().kafka_brokers;
    stages::create_topic(brokers, TOPIC).await;
    let producer = ClientConfig::new().set("bootstrap.servers", brokers).set("acks", "all").create();
    let naive = Naive { world, plan, database, producer: producer.expect("a producer") };
    let [mut append, mut publish, mut project] = ["append", "relay", "projector"].map(|_| Side::new("naive"));
    for _ in 0..plan.rounds {
        naive.clear().await;
        append.rounds.push(naive.append().await);
        publish.rounds.push(naive.publish().await);
        project.rounds.push(naive.project().await);
    }
    naive.database.drop().await.expect("the database is gone");
    vec![
        Case::new("naive", format!("append, {CLIENTS} clients, beside B1"), "orders", vec![append]),
        Case::new("naive", "relay, beside B2", "events", vec![publish]),
        Case::new("naive", "projector, beside B3", "events", vec![project]),
    ]
}

struct Naive<'a> {
    world: &'a World,
    plan: &'a Plan,
    database: Database,
    producer: FutureProducer,
}

impl Naive<'_> {
    fn events(&self) -> Collection<Document> {
        self.database.collection("events")
    }

    fn outbox(&self) -> Collection<Document> {
        self.database.collection("outbox")
    }

    async fn clear(&self) {
        for collection in [self.events(), self.outbox()] {
            collection.drop().await.expect("an empty collection");
        }
    }

    async fn append(&self) -> Round {
        let (run, text) = (Uuid::now_v7().to_string(), event());
        let (events, outbox) = (self.events(), self.outbox());
        let meter = Meter::start(&[World::me(), self.world.pid("mongodb")]);
        let mut callers = vec![(); CLIENTS];
        let done = closed(&mut callers, self.plan.window, async |(), Call { number, .. }| {
            let id = format!("{run}-{number}");
            let event = doc! { "_id": &id, "v": 1_i64, "event": &text };
            let _ = events.insert_one(event).await.expect("an insert");
            let entry = doc! { "_id": &id, "event": &text };
            let _ = outbox.insert_one(entry).await.expect("an insert");
        });
        let done = done.await;
        meter.stop(done.operations, Some(&done.times))
    }

    async fn publish(&self) -> Round {
        let outbox = self.outbox();
        let meter = Meter::start(&[World::me(), self.world.pid("mongodb"), self.world.pid("kafka")]);
        let mut published = 0;
        while meter.elapsed() < self.plan.window
            && let Some(entry) = outbox.find_one(doc! {}).sort(doc! { "_id": 1 }).await.expect("the outbox")
        {
            let id = entry.get_str("_id").expect("an id");
            let record = FutureRecord::to(TOPIC).key(id).payload(entry.get_str("event").expect("an event"));
            let _arrived = self.producer.send(record, PATIENCE).await.expect("a delivery");
            let _ = outbox.delete_one(doc! { "_id": id }).await.expect("a removal");
            published += 1;
        }
        meter.stop(published, None)
    }

    async fn project(&self) -> Round {
        let mut config = ClientConfig::new();
        let brokers = &self.world.system.addresses().kafka_brokers;
        let group = Uuid::now_v7().to_string();
        let config = config.set("bootstrap.servers", brokers).set("group.id", &group);
        let consumer: StreamConsumer = config.set("auto.offset.reset", "earliest").create().expect("a consumer");
        consumer.subscribe(&[TOPIC]).expect("a subscription");
        let mut redis = self.world.redis().await;
        let mut next = tokio::time::timeout(PATIENCE, consumer.recv()).await;
        let meter = Meter::start(&[World::me(), self.world.pid("redis")]);
        let (end, mut projected) = (clock::monotonic() + self.plan.window, 0);
        while let Ok(Ok(record)) = next {
            let event: serde_json::Value =
                serde_json::from_slice(record.payload().unwrap_or_default()).expect("an event");
            let key = String::from_utf8_lossy(record.key().unwrap_or_default()).into_owned();
            let _: () = redis.hset(format!("naive:{key}"), "b", event.to_string()).await.expect("a write");
            projected += 1;
            next = tokio::time::timeout_at(end.min(clock::monotonic() + IDLE), consumer.recv()).await;
        }
        meter.stop(projected, None)
    }
}

/// The topic has come to its end when nothing comes for so long.
const IDLE: Duration = Duration::from_millis(200);

/// An order as JSON.
fn event() -> String {
    serde_json::to_string(&orders::placed(orders::owner(7))).expect("JSON")
}
