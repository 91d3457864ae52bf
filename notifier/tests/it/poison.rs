//! A record that gives no event: its stream waits, the feeds go on, and what waited comes in order.

use bus::KafkaConfig;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use read_model::{Cause, Gap, ReadModel, RedisConfig, Released, Sink};
use runtime::Process;
use schemas::{OrderId, UserId, Version};
use serde_json::{Value, json};
use stack::servers::{Kafka, Redis};
use stack::testing;
use uuid::Uuid;

use crate::client::Client;
use crate::keys::Keys;
use crate::pipeline::{Publisher, cancelled, placed, run};
use crate::world::{LONG, SOON};

/// A record of this order's second version that nobody can read.
async fn garbage(brokers: &str, order: &OrderId) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("partitioner", "murmur2_random");
    let producer: FutureProducer = config.create().unwrap();
    let headers = OwnedHeaders::new().insert(Header { key: "ce_sequence", value: Some("2") });
    let record = FutureRecord::to("orders.events.v1").key(order.as_str()).payload("garbage").headers(headers);
    producer.send(record, Timeout::Never).await.map_err(|(error, _)| error).unwrap();
}

fn what(frame: &Value) -> (Value, Value) {
    (frame["stream"].clone(), frame["version"].clone())
}

#[tokio::test]
async fn poison_withholds_its_own_stream_from_the_feed_until_it_is_let_go() {
    let (kafka, redis, keys): (Kafka, Redis, _) = (testing::own().await, testing::own().await, Keys::new());
    let registry = testing::registry().await.url().to_owned();
    let config = KafkaConfig::in_clear(kafka.url(), registry);
    let publisher = Publisher::ready(&config).await;
    let process = Process::new("feeds-test", None);
    let model = ReadModel::connect(&RedisConfig { redis_url: redis.url().into() }, &process).unwrap();

    let owner = UserId::from_bits(Uuid::new_v4().as_u128());
    let [poisoned, other] = [1_u128, 2].map(|_| OrderId::from_bits(Uuid::new_v4().as_u128()));
    let running = run(&config, &redis, &keys).await;
    let (mut client, _) = Client::open(running.address, &keys.token(&owner, LONG)).await;
    publisher.publish(&placed(&poisoned, &owner)).await;
    assert_eq!(what(&client.frame().await), (json!(poisoned), json!(1)));

    garbage(kafka.url(), &poisoned).await;
    let end = cancelled(&poisoned, &owner);
    publisher.publish(&end).await;
    let waits = async || {
        let gaps = model.gaps(Sink::Feeds).await.ok()?;
        (gaps == [Gap { stream: poisoned.stream().clone(), highest: Version(2) }]).then_some(())
    };
    stack::eventually("what follows waits", SOON, waits).await;
    publisher.publish(&placed(&other, &owner)).await;
    let frame = client.frame().await;
    assert_eq!((&frame["seq"], what(&frame)), (&json!(2), (json!(other), json!(1))));
    let parked = model.parked(Sink::Feeds).await.unwrap().remove(0);
    assert_eq!((&parked.stream, parked.entry.cause), (poisoned.stream(), Cause::Undecodable));
    assert!(running.process.health.is_ready());

    let released = model.redrive(Sink::Feeds, &parked, Version(2)).await.unwrap();
    assert_eq!(released, Released::Done { stored: Version(1) });
    publisher.publish(&end).await;
    let frame = client.frame().await;
    assert_eq!((&frame["seq"], what(&frame)), (&json!(3), (json!(poisoned), json!(2))));
    assert_eq!(model.gaps(Sink::Feeds).await.unwrap(), []);
    running.end().await;
    process.shutdown.request();
}
