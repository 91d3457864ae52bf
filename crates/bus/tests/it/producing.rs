//! From an event to a record and back.

use std::collections::HashMap;

use bus::admin::{PARTITIONS, Topics};
use bus::{Decoder, Error, Header, Kafka, Producer, Registry, Round, StartFrom, Tail, TailEvent};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use schemas::{AnyEvent, OrderEvent, OrderId, Recorded, StreamId, Version};
use stack::servers::Kafka as Broker;
use stack::{eventually, testing};
use uuid::Uuid;

use crate::tail::until_caught_up;
use crate::world::{Member, SOON, config, fresh_order, placed, servers};

const ORDERS: &str = "orders.events.v1";

/// A producer whose registry has answered.
pub(crate) async fn ready_round(producer: &Producer) -> Round {
    eventually("the schemas are known", SOON, async || producer.round().ok()).await
}

/// Every record of these streams, once this many have come.
async fn read(kafka: &Kafka, streams: &[OrderId], count: usize) -> Vec<bus::RawRecord> {
    let mut tail = Tail::start(kafka, ORDERS, StartFrom::Beginning).unwrap();
    let ours: Vec<&StreamId> = streams.iter().map(OrderId::stream).collect();
    let mut records = Vec::new();
    let reading = async {
        while records.len() < count {
            match tail.next().await.expect("the tail goes on") {
                TailEvent::Record(record) if ours.contains(&&record.stream().unwrap()) => records.push(record),
                TailEvent::Record(_) | TailEvent::CaughtUp => {}
            }
        }
    };
    tokio::time::timeout(SOON, reading).await.expect("all records come");
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_comes_back_as_it_was_sent_with_every_header() {
    let (config, member) = (servers().await, Member::new());
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let registry = Registry::connect(&config, &member.0).unwrap();
    let producer = Producer::connect(&kafka, &registry).unwrap();
    let order = fresh_order();
    let sent = placed(&order, 1);
    let ack = ready_round(&producer).await.send(&sent).unwrap();
    let delivered = tokio::time::timeout(SOON, ack).await.unwrap().unwrap();

    let records = read(&kafka, &[order], 1).await;
    let record = &records[0];
    assert_eq!((record.partition, record.offset), (delivered.partition, delivered.offset));
    assert_eq!(Decoder::new(&registry).decode(record).await.unwrap(), sent);
    let expected = [
        (Header::SpecVersion, "1.0"),
        (Header::Id, &sent.id.to_string()),
        (Header::Source, "orderflow"),
        (Header::Type, "orderflow.order.OrderPlaced"),
        (Header::Subject, sent.stream.as_str()),
        (Header::Time, "2023-11-14T22:13:20.123457Z"),
        (Header::Sequence, "1"),
        (Header::Correlation, "request-1"),
        (Header::Causation, "cause-1"),
        (Header::ContentType, "application/avro"),
        (Header::Owner, sent.owner.as_ref().unwrap().as_str()),
        (Header::SeedType, "order.created"),
        (Header::Traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    assert_eq!(expected.map(|(header, _)| header), Header::ALL);
    for (header, value) in expected {
        assert_eq!(record.headers.text(header), Some(value), "{}", header.name());
    }
    eventually("the process is ready", SOON, async || member.0.health.is_ready().then_some(())).await;
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_sends_is_the_order_in_the_log_for_each_key_under_load() {
    let (config, member) = (servers().await, Member::new());
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let registry = Registry::connect(&config, &member.0).unwrap();
    let producer = Producer::connect(&kafka, &registry).unwrap();
    let orders: Vec<_> = (0..100).map(|_| fresh_order()).collect();
    let round = ready_round(&producer).await;
    let mut acks = Vec::new();
    for version in 1..=100 {
        for order in &orders {
            acks.push(round.send(&placed(order, version)).unwrap());
        }
    }
    for ack in acks {
        tokio::time::timeout(SOON, ack).await.unwrap().unwrap();
    }
    let mut versions: HashMap<StreamId, Version> = HashMap::new();
    let decoder = Decoder::new(&registry);
    for record in read(&kafka, &orders, 10_000).await {
        let Recorded { stream, version, .. }: Recorded<AnyEvent> = decoder.decode(&record).await.unwrap();
        let before = versions.entry(stream).or_insert(Version::NONE);
        assert_eq!(version, before.next());
        *before = version;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stream_lies_in_the_partition_where_java_clients_would_put_it() {
    let (config, member) = (servers().await, Member::new());
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let registry = Registry::connect(&config, &member.0).unwrap();
    let producer = Producer::connect(&kafka, &registry).unwrap();
    let round = ready_round(&producer).await;
    // By Kafka's own org.apache.kafka.common.utils.Utils: toPositive(murmur2(key)) % 12.
    for (bits, partition) in EXPECTED_PARTITIONS {
        let ack = round.send(&placed(&OrderId::from_bits(bits), 1)).unwrap();
        assert_eq!(tokio::time::timeout(SOON, ack).await.unwrap().unwrap().partition, partition, "{bits}");
    }
}

const EXPECTED_PARTITIONS: [(u128, i32); 4] = [(1, 9), (2, 5), (3, 6), (4, 9)];

/// An event whose value has about this many bytes, however it is compressed.
fn large(order: &OrderId, version: u32, bytes: usize) -> Recorded<AnyEvent> {
    let mut recorded = placed(order, version);
    if let AnyEvent::Order(OrderEvent::Placed(placed)) = &mut recorded.event {
        placed.lines[0].name = (0..bytes / 32).map(|_| Uuid::new_v4().simple().to_string()).collect();
    }
    recorded
}

/// What the broker does when it is told, and not when it comes to it: its topic is made so small.
async fn topic_for_small_records(broker: &Broker, bytes: &str) {
    let orders = NewTopic::new(ORDERS, PARTITIONS, TopicReplication::Fixed(1)).set("max.message.bytes", bytes);
    admin(broker).create_topics([&orders], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
}

async fn limit_records(broker: &Broker, bytes: &str) {
    let orders = AlterConfig::new(ResourceSpecifier::Topic(ORDERS)).set("max.message.bytes", bytes);
    admin(broker).alter_configs([&orders], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
}

fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", broker.url()).create().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_behind_a_record_that_the_broker_refuses_and_the_next_round_goes_on() {
    let shared = servers().await;
    let broker: Broker = testing::own().await;
    let config = config(broker.url(), &shared.schema_registry_url);
    topic_for_small_records(&broker, "4000").await;
    Topics::connect(&config, 1).unwrap().apply().await.unwrap();
    let member = Member::new();
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let registry = Registry::connect(&config, &member.0).unwrap();
    let producer = Producer::connect(&kafka, &registry).unwrap();
    let order = fresh_order();
    let round = ready_round(&producer).await;
    tokio::time::timeout(SOON, round.send(&placed(&order, 1)).unwrap()).await.unwrap().unwrap();
    let mut acks = vec![round.send(&large(&order, 2, 8_000)).unwrap()];
    let refused = eventually("the round fails", SOON, async || match round.send(&placed(&order, 3)) {
        Ok(ack) => {
            acks.push(ack);
            None
        }
        Err(error) => Some(error),
    });
    assert!(matches!(refused.await, Error::RoundFailed | Error::Undelivered { .. }));
    for ack in acks {
        assert!(tokio::time::timeout(SOON, ack).await.unwrap().is_err());
    }
    let mut tail = Tail::start(&kafka, ORDERS, StartFrom::Beginning).unwrap();
    assert_eq!(until_caught_up(&mut tail).await.len(), 1, "nothing lies behind the missing record");

    limit_records(&broker, "1000000").await;
    let round = eventually("the producer is made anew", SOON, async || {
        let round = producer.round().unwrap();
        let ack = round.send(&large(&order, 2, 8_000)).unwrap();
        tokio::time::timeout(SOON, ack).await.unwrap().is_ok().then_some(round)
    })
    .await;
    tokio::time::timeout(SOON, round.send(&placed(&order, 3)).unwrap()).await.unwrap().unwrap();
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_can_never_be_sent_is_refused_alone() {
    let shared = servers().await;
    let broker: Broker = testing::own().await;
    let config = config(broker.url(), &shared.schema_registry_url);
    let member = Member::new();
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let registry = Registry::connect(&config, &member.0).unwrap();
    let producer = Producer::connect(&kafka, &registry).unwrap();
    let missing = async || member.is_down("kafka", "does not exist").then_some(());
    eventually("the missing topics are noticed", SOON, missing).await;
    let round = ready_round(&producer).await;
    let refused = round.send(&placed(&fresh_order(), 1)).unwrap_err();
    assert!(matches!(refused, Error::TopicMissing { topic: ORDERS }), "{refused:?}");
    Topics::connect(&config, 1).unwrap().apply().await.unwrap();
    eventually("the topics are noticed", SOON, async || member.0.health.is_ready().then_some(())).await;
    let refused = round.send(&large(&fresh_order(), 1, 2_000_000)).unwrap_err();
    assert!(matches!(refused, Error::TooLarge { .. }), "{refused:?}");
    tokio::time::timeout(SOON, round.send(&placed(&fresh_order(), 1)).unwrap()).await.unwrap().unwrap();
    member.end().await;
}
