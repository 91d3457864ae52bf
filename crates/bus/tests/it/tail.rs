//! Following a topic without a group.

use std::time::Duration;

use bus::{Kafka, RawRecord, StartFrom, Tail, TailEvent};
use runtime::clock;
use schemas::Timestamp;

use crate::world::{Member, RawWriter, SOON, fresh_topic, ids, servers};

pub(crate) async fn next(tail: &mut Tail) -> TailEvent {
    tokio::time::timeout(SOON, tail.next()).await.expect("something comes").expect("the tail goes on")
}

/// The records before the tail says that it has caught up.
pub(crate) async fn until_caught_up(tail: &mut Tail) -> Vec<RawRecord> {
    let mut records = Vec::new();
    loop {
        match next(tail).await {
            TailEvent::Record(record) => records.push(record),
            TailEvent::CaughtUp => return records,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_yields_everything_then_says_so_and_goes_on() {
    let (config, member, topic) = (servers().await, Member::new(), "tailed");
    fresh_topic(&config.kafka_brokers, topic, 3).await;
    let writer = RawWriter::new(&config.kafka_brokers, topic);
    let mut written = Vec::new();
    for partition in 0..3 {
        written.push(writer.write(partition, 1_500).await);
    }
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let mut tail = Tail::start(&kafka, topic, StartFrom::Beginning).unwrap();
    let records = until_caught_up(&mut tail).await;
    for (partition, written) in (0..3).zip(&written) {
        let read: Vec<_> = records.iter().filter(|record| record.partition == partition).cloned().collect();
        assert_eq!(&ids(&read), written);
    }
    let late = writer.write(1, 1).await;
    let TailEvent::Record(record) = next(&mut tail).await else { panic!("it says only once that it caught up") };
    assert_eq!(record.event_id(), Some(late[0]));
    drop(tail);
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_of_an_empty_topic_has_caught_up_at_once() {
    let (config, member, topic) = (servers().await, Member::new(), "tailed-empty");
    fresh_topic(&config.kafka_brokers, topic, 3).await;
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    for from in [StartFrom::Beginning, StartFrom::Time(Timestamp::from_micros(clock::now_micros()))] {
        let mut tail = Tail::start(&kafka, topic, from).unwrap();
        assert_eq!(next(&mut tail).await, TailEvent::CaughtUp);
    }
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_from_a_time_leaves_out_what_was_written_before() {
    let (config, member, topic) = (servers().await, Member::new(), "tailed-time");
    fresh_topic(&config.kafka_brokers, topic, 2).await;
    let writer = RawWriter::new(&config.kafka_brokers, topic);
    writer.write(0, 10).await;
    writer.write(1, 10).await;
    let later = clock::now_micros() + 2_000;
    while clock::now_micros() < later {
        tokio::task::yield_now().await;
    }
    let written = writer.write(0, 5).await;
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let mut tail = Tail::start(&kafka, topic, StartFrom::Time(Timestamp::from_micros(later))).unwrap();
    assert_eq!(ids(&until_caught_up(&mut tail).await), written);
    let late = writer.write(1, 1).await;
    let TailEvent::Record(record) = next(&mut tail).await else { panic!("a record") };
    assert_eq!(record.event_id(), Some(late[0]));
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_waits_for_its_topic_and_ends_with_the_process() {
    let (config, member, topic) = (servers().await, Member::new(), "tailed-late");
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let mut tail = Tail::start(&kafka, topic, StartFrom::Beginning).unwrap();
    let missing = async || member.is_down("kafka", "tailed-late does not exist").then_some(());
    stack::eventually("the missing topic is named", SOON, missing).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), tail.next()).await.is_err());
    fresh_topic(&config.kafka_brokers, topic, 2).await;
    assert_eq!(next(&mut tail).await, TailEvent::CaughtUp);
    member.0.shutdown.request();
    assert_eq!(tokio::time::timeout(SOON, tail.next()).await.unwrap(), None);
    member.end().await;
}
