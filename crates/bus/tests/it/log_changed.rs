//! An offset does not identify a log: whatever happened to it is reported, never skipped.

use bus::{
    CommittedOffsets, Consumer, FeedError, GroupConfig, Kafka, KafkaConfig, LogChanged, PartitionFeed,
    PositionSource as _,
};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use schemas::{EventId, Position};
use uuid::Uuid;

use crate::world::{Member, RawWriter, SOON, fresh_topic, ids, read_from, servers, take};

async fn change(feed: &mut PartitionFeed) -> LogChanged {
    let batch = tokio::time::timeout(SOON, feed.batch(100)).await.expect("the change is reported").unwrap();
    match batch {
        Err(FeedError::LogChanged(changed)) => changed,
        other => panic!("expected a changed log, got {other:?}"),
    }
}

fn other_id() -> EventId {
    EventId(Uuid::new_v4())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_record_before_the_position_is_reported_and_seeking_to_the_start_reads_it_all() {
    let (config, member, topic) = (servers().await, Member::new(), "other-record");
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let written = RawWriter::new(&config.kafka_brokers, topic).write(0, 10).await;
    let expected = other_id();
    let position = Position { next: 4, last: Some(expected) };
    let (_consumer, mut feed) = read_from(&config, &member, topic, position).await;
    let changed = change(&mut feed).await;
    assert_eq!(
        changed,
        LogChanged {
            topic: topic.into(),
            partition: 0,
            next: 4,
            expected: Some(expected),
            found: Some(written[3]),
            start: 0,
            end: 10
        }
    );
    assert_eq!(change(&mut feed).await, changed, "it stays so until a seek");
    feed.seek(Position { next: changed.start, last: None });
    assert_eq!(ids(&take(&mut feed, 10).await), written);
    member.end().await;
}

/// Seen to fail when offsets are committed, or read, without the id.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_offsets_kafka_keeps_notices_another_log_too() {
    let (config, topic) = (servers().await, "committed-other");
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let written = RawWriter::new(&config.kafka_brokers, topic).write(0, 10).await;
    let member = Member::new();
    let (_consumer, mut feed, positions) = by_committed(&config, &member, topic).await;
    let records = take(&mut feed, 10).await;
    feed.stored(records[6].behind());
    let stored = Position { next: 7, last: Some(written[6]) };
    let told = async || (positions.position(topic, 0).await.unwrap() == stored).then_some(());
    stack::eventually("Kafka knows the offset and the id", SOON, told).await;
    member.end().await;

    // What it would be if the log had come back with other records.
    let expected = other_id();
    set_offset(&config, topic, 7, &expected.to_string()).await;
    let member = Member::new();
    let (_consumer, mut feed, _positions) = by_committed(&config, &member, topic).await;
    let changed = change(&mut feed).await;
    assert_eq!((changed.next, changed.expected, changed.found), (7, Some(expected), Some(written[6])));
    feed.seek(Position { next: changed.start, last: None });
    assert_eq!(ids(&take(&mut feed, 10).await), written);
    member.end().await;

    // As other tools do it, which know of no ids.
    for metadata in ["", "set by hand"] {
        set_offset(&config, topic, 7, metadata).await;
        let member = Member::new();
        let (_consumer, mut feed, _positions) = by_committed(&config, &member, topic).await;
        assert_eq!(ids(&take(&mut feed, 3).await), written[7..]);
        member.end().await;
    }
}

/// The one partition of a topic, read from where its group came, by Kafka's word.
async fn by_committed(
    config: &KafkaConfig,
    member: &Member,
    topic: &str,
) -> (Consumer, PartitionFeed, CommittedOffsets) {
    let kafka = Kafka::connect(config, &member.0).unwrap();
    let group = GroupConfig { group: topic.to_owned(), instance: "a".to_owned(), topics: vec![topic.to_owned()] };
    let positions = CommittedOffsets::of(&kafka, topic).unwrap();
    let mut consumer = Consumer::start(&kafka, group, positions.clone()).unwrap();
    let feed = tokio::time::timeout(SOON, consumer.next_partition()).await.unwrap().unwrap();
    (consumer, feed, positions)
}

/// Commits an offset in the name of the group that is called like its topic, as soon as nobody is a member.
async fn set_offset(config: &KafkaConfig, topic: &str, next: i64, metadata: &str) {
    let tool: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", &config.kafka_brokers).set("group.id", topic).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(next)).unwrap();
    list.find_partition(topic, 0).unwrap().set_metadata(metadata);
    let set = async || tool.commit(&list, CommitMode::Sync).ok();
    stack::eventually("the group is at rest", SOON, set).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_shorter_than_the_position_is_reported() {
    let (config, member, topic) = (servers().await, Member::new(), "shorter");
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let written = RawWriter::new(&config.kafka_brokers, topic).write(0, 10).await;
    for next in [11, 12, 5_000] {
        let position = Position { next, last: Some(other_id()) };
        let (_consumer, mut feed) = read_from(&config, &member, topic, position).await;
        let changed = change(&mut feed).await;
        assert_eq!((changed.next, changed.start, changed.end), (next, 0, 10));
        feed.seek(Position { next: 0, last: None });
        assert_eq!(ids(&take(&mut feed, 10).await), written);
    }
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_start_is_gone_is_reported() {
    let (config, member, topic) = (servers().await, Member::new(), "start-gone");
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let written = RawWriter::new(&config.kafka_brokers, topic).write(0, 10).await;
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &config.kafka_brokers).create().unwrap();
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(topic, 0, Offset::Offset(6)).unwrap();
    admin.delete_records(&before, &AdminOptions::new()).await.unwrap();
    for position in [Position::default(), Position { next: 3, last: Some(written[2]) }] {
        let (_consumer, mut feed) = read_from(&config, &member, topic, position).await;
        let changed = change(&mut feed).await;
        assert_eq!((changed.next, changed.start, changed.end), (position.next, 6, 10));
        feed.seek(Position { next: changed.start, last: None });
        assert_eq!(ids(&take(&mut feed, 4).await), written[6..]);
    }
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_anew_while_it_is_read_is_reported() {
    let (config, member, topic) = (servers().await, Member::new(), "made-anew");
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let written = RawWriter::new(&config.kafka_brokers, topic).write(0, 10).await;
    let (_consumer, mut feed) = read_from(&config, &member, topic, Position::default()).await;
    assert_eq!(ids(&take(&mut feed, 10).await), written);
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let renewed = RawWriter::new(&config.kafka_brokers, topic).write(0, 3).await;
    let before = Position { next: 10, last: written.last().copied() };
    let mut changed = change(&mut feed).await;
    let deadline = runtime::clock::monotonic() + SOON;
    // The new topic may be noticed before it is written to, and its end is asked for once a second.
    while changed.end < 3 && runtime::clock::monotonic() < deadline {
        assert_eq!((changed.next, changed.start), (10, 0));
        feed.seek(before);
        changed = change(&mut feed).await;
    }
    assert_eq!((changed.next, changed.start, changed.end), (10, 0, 3));
    feed.seek(Position { next: 0, last: None });
    assert_eq!(ids(&take(&mut feed, 3).await), renewed);
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_anew_with_more_records_than_were_read_is_reported() {
    let (config, member, topic) = (servers().await, Member::new(), "made-longer");
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let written = RawWriter::new(&config.kafka_brokers, topic).write(0, 10).await;
    let (_consumer, mut feed) = read_from(&config, &member, topic, Position::default()).await;
    assert_eq!(ids(&take(&mut feed, 10).await), written);
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let written = RawWriter::new(&config.kafka_brokers, topic).write(0, 30).await;
    let changed = change(&mut feed).await;
    assert_eq!((changed.next, changed.start), (10, 0));
    feed.seek(Position { next: 0, last: None });
    assert_eq!(ids(&take(&mut feed, 30).await), written);
    member.end().await;
}
