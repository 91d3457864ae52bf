//! Kafka goes away and comes back.

use bus::admin::Topics;
use bus::{Consumer, GroupConfig, Kafka, Producer, Registry, StartFrom, Tail, TailEvent};
use schemas::Position;
use stack::servers::Kafka as Broker;
use stack::{eventually, testing};

use crate::producing::ready_round;
use crate::tail::until_caught_up;
use crate::world::{
    Member, Positions, RawWriter, SOON, config, fresh_order, fresh_topic, ids, placed, read_from, servers, take,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_and_restarted_broker_loses_nothing_and_stops_nobody() {
    let shared = servers().await;
    let broker: Broker = testing::own().await;
    let config = config(broker.url(), &shared.schema_registry_url);
    Topics::connect(&config, 1).unwrap().apply().await.unwrap();
    fresh_topic(broker.url(), "outage", 1).await;
    let member = Member::new();
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let registry = Registry::connect(&config, &member.0).unwrap();
    let producer = Producer::connect(&kafka, &registry).unwrap();
    let mut tail = Tail::start(&kafka, "orders.events.v1", StartFrom::Beginning).unwrap();
    assert_eq!(until_caught_up(&mut tail).await, []);
    let group = GroupConfig { group: "outage".into(), instance: "a".into(), topics: vec!["outage".into()] };
    let positions = Positions::default();
    let mut consumer = Consumer::start(&kafka, group, positions.clone()).unwrap();
    let mut feed = tokio::time::timeout(SOON, consumer.next_partition()).await.unwrap().unwrap();
    let mut written = RawWriter::new(broker.url(), "outage").write(0, 100).await;
    let records = take(&mut feed, 100).await;
    assert_eq!(ids(&records), written);
    positions.done(&records[99]);
    eventually("all is well", SOON, async || member.0.health.is_ready().then_some(())).await;

    let (order, round) = (fresh_order(), ready_round(&producer).await);
    let first = round.send(&placed(&order, 1)).unwrap();
    tokio::time::timeout(SOON, first).await.unwrap().unwrap();
    broker.kill().await;
    eventually("it is noticed", SOON, async || member.is_down("kafka", "do not answer").then_some(())).await;
    let waiting: Vec<_> = (2..=200).map(|version| round.send(&placed(&order, version)).unwrap()).collect();
    broker.restart().await.unwrap();
    for ack in waiting {
        tokio::time::timeout(SOON, ack).await.expect("the broker is back").unwrap();
    }
    for version in 1..=200_u32 {
        let event = tokio::time::timeout(SOON, tail.next()).await.unwrap().unwrap();
        let TailEvent::Record(record) = event else { panic!("it caught up long ago") };
        assert_eq!(record.headers.text(bus::Header::Sequence), Some(version.to_string().as_str()));
    }
    written = RawWriter::new(broker.url(), "outage").write(0, 100).await;
    // If the broker was away for longer than a session, the partition was taken away and comes as another feed.
    let records = match tokio::time::timeout(SOON, feed.batch(1)).await.unwrap() {
        Some(batch) => [batch.unwrap(), take(&mut feed, 99).await].concat(),
        None => {
            feed = tokio::time::timeout(SOON, consumer.next_partition()).await.unwrap().unwrap();
            take(&mut feed, 100).await
        }
    };
    assert_eq!(ids(&records), written);
    eventually("all is well again", SOON, async || member.0.health.is_ready().then_some(())).await;
    drop((consumer, feed, tail));
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_before_kafka_waits_for_it() {
    let shared = servers().await;
    let broker: Broker = testing::own().await;
    fresh_topic(broker.url(), "late", 1).await;
    let written = RawWriter::new(broker.url(), "late").write(0, 10).await;
    broker.kill().await;
    let member = Member::new();
    let kafka = Kafka::connect(&config(broker.url(), &shared.schema_registry_url), &member.0).unwrap();
    let group = GroupConfig { group: "late".into(), instance: "a".into(), topics: vec!["late".into()] };
    let mut consumer = Consumer::start(&kafka, group, Positions::default()).unwrap();
    let mut tail = Tail::start(&kafka, "late", StartFrom::Beginning).unwrap();
    eventually("it is noticed", SOON, async || member.is_down("kafka", "do not answer").then_some(())).await;
    broker.restart().await.unwrap();
    let mut feed = tokio::time::timeout(SOON, consumer.next_partition()).await.unwrap().unwrap();
    assert_eq!(ids(&take(&mut feed, 10).await), written);
    assert_eq!(ids(&until_caught_up(&mut tail).await), written);
    eventually("all is well", SOON, async || member.0.health.is_ready().then_some(())).await;
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_full_is_reported_soon_and_what_was_taken_is_delivered_in_order() {
    let shared = servers().await;
    let broker: Broker = testing::own().await;
    let config = config(broker.url(), &shared.schema_registry_url);
    Topics::connect(&config, 1).unwrap().apply().await.unwrap();
    let member = Member::new();
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let registry = Registry::connect(&config, &member.0).unwrap();
    let producer = Producer::connect(&kafka, &registry).unwrap();
    let (order, round) = (fresh_order(), ready_round(&producer).await);
    tokio::time::timeout(SOON, round.send(&placed(&order, 1)).unwrap()).await.unwrap().unwrap();
    broker.kill().await;
    let mut acks = Vec::new();
    let refused = loop {
        let version = u32::try_from(acks.len()).unwrap() + 2;
        let before = runtime::clock::monotonic();
        match round.send(&placed(&order, version)) {
            Ok(ack) => acks.push(ack),
            Err(error) => {
                assert!(before.elapsed() < std::time::Duration::from_secs(1));
                break error;
            }
        }
    };
    assert!(matches!(refused, bus::Error::QueueFull), "{refused:?}");
    broker.restart().await.unwrap();
    let mut offset = 0;
    for ack in acks {
        offset += 1;
        assert_eq!(tokio::time::timeout(SOON, ack).await.unwrap().unwrap().offset, offset);
    }
    member.end().await;
}

/// Seen to fail when a client was dropped on the thread that the process waits for: it takes as long as Kafka's answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_with_offsets_to_tell_ends_although_kafka_hangs() {
    let shared = servers().await;
    let broker: Broker = testing::own().await;
    fresh_topic(broker.url(), "hangs", 1).await;
    let _written = RawWriter::new(broker.url(), "hangs").write(0, 10).await;
    let member = Member::new();
    let config = config(broker.url(), &shared.schema_registry_url);
    let (_consumer, mut feed) = read_from(&config, &member, "hangs", Position::default()).await;
    let records = take(&mut feed, 10).await;
    feed.stored(records[9].behind());
    broker.pause();
    member.end().await;
    broker.resume();
}
