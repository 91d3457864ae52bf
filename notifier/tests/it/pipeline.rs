//! From Kafka to the socket, with everything real: broker, registry, Redis.

use std::net::SocketAddr;

use bus::admin::Topics;
use bus::registry_admin::Subjects;
use bus::{Kafka, KafkaConfig, Producer, Registry, Round};
use clap::Parser as _;
use notifier::Config;
use runtime::Process;
use schemas::{
    AnyEvent, CancellationCause, Currency, Event as _, EventId, OrderCancelled, OrderEvent, OrderId, OrderLine,
    OrderPlaced, Recorded, Sku, Timestamp, UserId, Version,
};
use serde_json::json;
use stack::servers::Redis;
use stack::testing;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::client::{Client, Handshake};
use crate::keys::Keys;
use crate::world::{LONG, SOON};

/// A notifier as `main` runs it.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

pub(crate) async fn run(kafka: &KafkaConfig, redis: &Redis, keys: &Keys) -> Running {
    let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let http = address.to_string();
    let config = Config::parse_from([
        "notifier",
        "--http-addr",
        &http,
        "--redis-url",
        redis.url(),
        "--jwks",
        keys.config.jwks.as_deref().unwrap(),
        "--kafka-brokers",
        &kafka.kafka_brokers,
        "--schema-registry-url",
        &kafka.schema_registry_url,
    ]);
    let process = Process::new("notifier", None);
    process.tasks.supervise("run", notifier::run(config, process.clone()));
    let serves = async || TcpStream::connect(address).await.is_ok() && process.health.is_ready();
    stack::eventually("the notifier is ready", SOON, async || serves().await.then_some(())).await;
    Running { process, address }
}

impl Running {
    pub(crate) async fn end(self) {
        self.process.shutdown.request();
        assert!(self.process.tasks.finish(SOON).await, "a task did not end");
        assert!(!self.process.tasks.failed());
    }
}

/// What relays do.
pub(crate) struct Publisher {
    process: Process,
    round: Round,
}

impl Publisher {
    /// Makes topics and schemas where they are missing.
    pub(crate) async fn ready(config: &KafkaConfig) -> Self {
        // The registry is the tests' common one, and takes one at a time.
        static ONE: Mutex<()> = Mutex::const_new(());
        let one = ONE.lock().await;
        Topics::connect(config, 1).unwrap().apply().await.unwrap();
        Subjects::connect(config).unwrap().apply().await.unwrap();
        drop(one);
        let process = Process::new("relay", None);
        let (kafka, registry) =
            (Kafka::connect(config, &process).unwrap(), Registry::connect(config, &process).unwrap());
        let producer = Producer::connect(&kafka, &registry).unwrap();
        let round = stack::eventually("the schemas are known", SOON, async || producer.round().ok()).await;
        Self { process, round }
    }

    pub(crate) async fn publish(&self, event: &Recorded<AnyEvent>) {
        self.round.send(event).unwrap().await.unwrap();
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

fn recorded(order: &OrderId, owner: &UserId, version: u32, event: OrderEvent) -> Recorded<AnyEvent> {
    Recorded {
        stream: order.stream().clone(),
        version: Version(version),
        id: EventId(Uuid::new_v4()),
        at: Timestamp::from_micros(runtime::clock::now_micros()),
        owner: Some(owner.clone()),
        correlation: "request".into(),
        causation: None,
        traceparent: None,
        event: event.into_any(),
    }
}

pub(crate) fn placed(order: &OrderId, owner: &UserId) -> Recorded<AnyEvent> {
    let lines =
        vec![OrderLine { sku: Sku::parse("LAMP-1").unwrap(), name: "Lamp".to_owned(), quantity: 2, unit_price: 1_999 }];
    let currency = Currency::parse("EUR").unwrap();
    let event = OrderPlaced { user_id: owner.clone(), lines, currency, total_amount: 3_998, payment_method: None };
    recorded(order, owner, 1, OrderEvent::Placed(event))
}

pub(crate) fn cancelled(order: &OrderId, owner: &UserId) -> Recorded<AnyEvent> {
    let event = OrderCancelled { cause: CancellationCause::Requested, cancelled_by: Some(owner.clone()), reason: None };
    recorded(order, owner, 2, OrderEvent::Cancelled(event))
}

#[tokio::test]
async fn an_event_reaches_its_owner_once_also_over_a_restart_and_when_it_is_published_again() {
    let (redis, keys): (Redis, _) = (testing::own().await, Keys::new());
    let config = KafkaConfig::in_clear(testing::kafka().await.url(), testing::registry().await.url());
    let publisher = Publisher::ready(&config).await;

    let owner = UserId::from_bits(Uuid::new_v4().as_u128());
    let orders = [1_u128, 2].map(|_| OrderId::from_bits(Uuid::new_v4().as_u128()));
    let first = placed(&orders[0], &owner);
    let running = run(&config, &redis, &keys).await;
    let (mut client, _) = Client::open(running.address, &keys.token(&owner, LONG)).await;
    publisher.publish(&first).await;
    let frame = client.frame().await;
    assert_eq!((&frame["frame"], &frame["seq"]), (&json!("event"), &json!(1)));
    assert_eq!((&frame["stream"], &frame["version"]), (&json!(orders[0]), &json!(1)));
    assert_eq!((&frame["type"], &frame["seedType"]), (&json!("OrderPlaced"), &json!("order.created")));
    assert_eq!(frame["data"], first.event.to_json().unwrap());
    running.end().await;

    for again in [&first, &placed(&orders[1], &owner), &first, &cancelled(&orders[0], &owner)] {
        publisher.publish(again).await;
    }
    let running = run(&config, &redis, &keys).await;
    let resume = Handshake::query(&format!("?cursor={}", frame["cursor"].as_str().unwrap()));
    let bearer = format!("Bearer {}", keys.token(&owner, LONG));
    let (mut client, _) = resume.with("authorization", &bearer).connect(running.address).await.unwrap();
    assert_eq!(client.frame().await["recovered"], true);
    let mut rest = Vec::new();
    for seq in 2..=3 {
        let frame = client.frame().await;
        assert_eq!(frame["seq"], seq);
        rest.push((frame["stream"].clone(), frame["version"].clone()));
    }
    // The two orders may lie in different partitions, so their order is open; each comes once.
    rest.sort_by_key(|(stream, _)| *stream != json!(orders[0]));
    assert_eq!(rest, [(json!(orders[0]), json!(2)), (json!(orders[1]), json!(1))]);
    running.end().await;
}
