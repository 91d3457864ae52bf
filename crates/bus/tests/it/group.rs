//! Members of a group: who reads what, from where, and what happens when one goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{CommittedOffsets, Consumer, GroupConfig, Kafka, PartitionFeed};
use schemas::Position;
use stack::servers::Kafka as Broker;
use stack::{eventually, testing};

use crate::world::{Member, Positions, RawWriter, SOON, config, fresh_topic, ids, read_from, servers, take};

fn group(topic: &str, instance: &str) -> GroupConfig {
    GroupConfig { group: format!("group.{topic}"), instance: instance.to_owned(), topics: vec![topic.to_owned()] }
}

async fn feed(consumer: &mut Consumer) -> PartitionFeed {
    tokio::time::timeout(SOON, consumer.next_partition()).await.expect("a partition comes").expect("still a member")
}

/// A member that works through whatever it gets, noting every record and every position.
struct Worker {
    member: Member,
    owned: Arc<Mutex<BTreeSet<i32>>>,
}

type Seen = Arc<Mutex<BTreeMap<i32, Vec<i64>>>>;

impl Worker {
    fn start(config: &bus::KafkaConfig, group: GroupConfig, positions: &Positions, seen: &Seen) -> Self {
        let member = Member::new();
        let kafka = Kafka::connect(config, &member.0).unwrap();
        let mut consumer = Consumer::start(&kafka, group, positions.clone()).unwrap();
        let owned = Arc::<Mutex<BTreeSet<i32>>>::default();
        let (process, owners) = (member.0.clone(), Arc::clone(&owned));
        let (positions, seen) = (positions.clone(), Arc::clone(seen));
        member.0.tasks.spawn("worker", async move {
            while let Some(feed) = consumer.next_partition().await {
                owners.lock().unwrap().insert(feed.partition);
                let work = work(feed, positions.clone(), Arc::clone(&seen), Arc::clone(&owners));
                process.tasks.spawn("partition", work);
            }
        });
        Self { member, owned }
    }

    fn owned(&self) -> BTreeSet<i32> {
        self.owned.lock().unwrap().clone()
    }
}

async fn work(mut feed: PartitionFeed, positions: Positions, seen: Seen, owned: Arc<Mutex<BTreeSet<i32>>>) {
    while let Some(batch) = feed.batch(100).await {
        for record in batch.unwrap() {
            seen.lock().unwrap().entry(feed.partition).or_default().push(record.offset);
            positions.done(&record);
            feed.stored(record.behind());
        }
    }
    owned.lock().unwrap().remove(&feed.partition);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_begins_at_the_position_that_the_source_gives() {
    let (config, member, topic) = (servers().await, Member::new(), "begins");
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let written = RawWriter::new(&config.kafka_brokers, topic).write(0, 10).await;
    let position = Position { next: 4, last: Some(written[3]) };
    let (consumer, mut feed) = read_from(&config, &member, topic, position).await;
    let records = take(&mut feed, 6).await;
    assert_eq!(ids(&records), written[4..]);
    assert_eq!(records[0].offset, 4);
    drop((consumer, feed));
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_positions_kafka_keeps_goes_on_behind_what_was_stored_and_not_before() {
    let (config, topic) = (servers().await, "committed");
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let written = RawWriter::new(&config.kafka_brokers, topic).write(0, 10).await;
    for (stored, begins_at) in [(4, 0), (7, 4), (0, 7)] {
        let member = Member::new();
        let kafka = Kafka::connect(&config, &member.0).unwrap();
        let group = group(topic, "a");
        let positions = CommittedOffsets::of(&kafka, &group.group).unwrap();
        let mut consumer = Consumer::start(&kafka, group, positions).unwrap();
        let mut feed = feed(&mut consumer).await;
        let records = take(&mut feed, written.len() - begins_at).await;
        assert_eq!(ids(&records), written[begins_at..], "whatever was read but not stored is read again");
        if let Some(last) = records.iter().find(|record| record.offset + 1 == stored) {
            feed.stored(last.behind());
        }
        member.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seeking_back_reads_exactly_the_same_records_again() {
    let (config, member, topic) = (servers().await, Member::new(), "seeks");
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let writer = RawWriter::new(&config.kafka_brokers, topic);
    let mut written = writer.write(0, 30_000).await;
    let (_consumer, mut feed) = read_from(&config, &member, topic, Position::default()).await;
    // More than fits into the queue, so that the partition is paused when the seeks come.
    for back_to in [0_usize, 12_345, 1, 29_000, 500] {
        let last = back_to.checked_sub(1).map(|index| written[index]);
        feed.seek(Position { next: i64::try_from(back_to).unwrap(), last });
        let records = take(&mut feed, 700).await;
        assert_eq!(ids(&records), written[back_to..back_to + 700], "from {back_to}");
    }
    feed.seek(Position { next: 25_000, last: Some(written[24_999]) });
    assert_eq!(ids(&take(&mut feed, 5_000).await), written[25_000..]);
    written.extend(writer.write(0, 10).await);
    assert_eq!(ids(&take(&mut feed, 10).await), written[30_000..]);
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_knows_when_it_has_come_to_the_end() {
    let (config, member, topic) = (servers().await, Member::new(), "ends");
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let writer = RawWriter::new(&config.kafka_brokers, topic);
    writer.write(0, 5).await;
    let (_consumer, mut feed) = read_from(&config, &member, topic, Position::default()).await;
    assert!(!feed.at_end());
    take(&mut feed, 4).await;
    let asked_again = runtime::clock::monotonic() + Duration::from_secs(2);
    while runtime::clock::monotonic() < asked_again {
        assert!(!feed.at_end(), "one record is left");
        tokio::task::yield_now().await;
    }
    take(&mut feed, 1).await;
    eventually("the end is noticed", SOON, async || feed.at_end().then_some(())).await;
    writer.write(0, 1).await;
    eventually("the new record is noticed", SOON, async || (!feed.at_end()).then_some(())).await;
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_the_partitions_and_a_killed_ones_move_to_the_other() {
    let (config, topic) = (servers().await, "shared");
    fresh_topic(&config.kafka_brokers, topic, 12).await;
    let (positions, seen) = (Positions::default(), Seen::default());
    let first = Worker::start(&config, group(topic, "a"), &positions, &seen);
    eventually("the first has all", SOON, async || (first.owned().len() == 12).then_some(())).await;
    let second = Worker::start(&config, group(topic, "b"), &positions, &seen);
    let shared = async || (first.owned().len() == 6 && second.owned().len() == 6).then_some(());
    eventually("both have six", SOON, shared).await;
    assert!(first.owned().is_disjoint(&second.owned()));

    let writer = RawWriter::new(&config.kafka_brokers, topic);
    for partition in 0..12 {
        writer.write(partition, 50).await;
    }
    let all = |count: usize| {
        let seen = Arc::clone(&seen);
        async move || seen.lock().unwrap().values().all(|offsets| offsets.len() >= count).then_some(())
    };
    eventually("all are read", SOON, all(50)).await;
    // Its thread ends without a word to the group, as after a SIGKILL: a static member does not leave.
    second.member.end().await;
    eventually("the first has all again", SOON, async || (first.owned().len() == 12).then_some(())).await;
    for partition in 0..12 {
        writer.write(partition, 50).await;
    }
    eventually("all are read", SOON, all(100)).await;
    let expected: Vec<i64> = (0..100).collect();
    for (partition, offsets) in seen.lock().unwrap().iter() {
        assert_eq!(offsets, &expected, "partition {partition} was read once and in order");
    }
    first.member.end().await;
}

/// More than two, as the assignors of ADR 28 cannot be trusted with.
#[tokio::test(flavor = "multi_thread")]
async fn many_members_share_the_partitions_again_after_kafka_has_forgotten_them_all() {
    let (shared, topic) = (servers().await, "many");
    let broker: Broker = testing::own().await;
    let config = config(broker.url(), &shared.schema_registry_url);
    fresh_topic(broker.url(), topic, 12).await;
    let (positions, seen) = (Positions::default(), Seen::default());
    let worker = |name| Worker::start(&config, group(topic, name), &positions, &seen);
    let workers = ["a", "b", "c", "d"].map(worker);
    for round in 1..=2 {
        if round > 1 {
            // For longer than a session lasts, so that every member is dropped and comes back with what it had.
            broker.pause();
            let paused = runtime::clock::monotonic();
            let long = async || (paused.elapsed() > Duration::from_secs(7)).then_some(());
            eventually("the sessions are over", SOON, long).await;
            broker.resume();
        }
        let shared = async || {
            let owned = workers.each_ref().map(Worker::owned);
            let all: BTreeSet<i32> = owned.iter().flatten().copied().collect();
            (all.len() == 12 && owned.iter().all(|owned| owned.len() == 3)).then_some(())
        };
        eventually("each has three", SOON, shared).await;
        let writer = RawWriter::new(broker.url(), topic);
        for partition in 0..12 {
            writer.write(partition, 20).await;
        }
        let read = async || {
            let seen = seen.lock().unwrap();
            (seen.len() == 12 && seen.values().all(|offsets| offsets.len() >= 20 * round)).then_some(())
        };
        eventually("all are read", SOON, read).await;
    }
    for (partition, offsets) in seen.lock().unwrap().iter() {
        assert_eq!(offsets, &(0..40).collect::<Vec<_>>(), "partition {partition} was read once and in order");
    }
    for worker in workers {
        worker.member.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_name_another_takes_stays_out_until_that_one_is_gone() {
    let (config, topic) = (servers().await, "names");
    fresh_topic(&config.kafka_brokers, topic, 2).await;
    let (positions, seen) = (Positions::default(), Seen::default());
    let first = Worker::start(&config, group(topic, "same"), &positions, &seen);
    eventually("the first has all", SOON, async || (first.owned().len() == 2).then_some(())).await;
    let second = Worker::start(&config, group(topic, "same"), &positions, &seen);
    eventually("the second has all", SOON, async || (second.owned().len() == 2).then_some(())).await;
    let shut_out = async || first.member.is_down("kafka-membership", "INSTANCE").then_some(());
    eventually("the first says so", SOON, shut_out).await;
    assert!(first.owned().is_empty());
    assert_eq!(second.owned().len(), 2);
    // Without a word to the group, which drops it after its session's time.
    second.member.end().await;
    eventually("the first has all again", SOON, async || (first.owned().len() == 2).then_some(())).await;
    assert!(!first.member.is_down("kafka-membership", ""), "and is ready again");
    first.member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_partition_does_not_hold_up_another() {
    let (config, member, topic) = (servers().await, Member::new(), "slow");
    fresh_topic(&config.kafka_brokers, topic, 2).await;
    let writer = RawWriter::new(&config.kafka_brokers, topic);
    writer.write(0, 20_000).await;
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let mut consumer = Consumer::start(&kafka, group(topic, "a"), Positions::default()).unwrap();
    let (mut zero, mut one) = (feed(&mut consumer).await, feed(&mut consumer).await);
    if zero.partition == 1 {
        std::mem::swap(&mut zero, &mut one);
    }
    take(&mut zero, 1).await;
    let written = writer.write(1, 10).await;
    assert_eq!(ids(&take(&mut one, 10).await), written);
    let rest = take(&mut zero, 19_999).await;
    let offsets: Vec<_> = rest.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, (1..20_000).collect::<Vec<_>>());
    member.end().await;
}

/// Seen to fail when a partition that was paused as it was taken away stays so: its client never reads it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_was_full_when_it_was_taken_away_is_read_by_whoever_gets_it_back() {
    let (config, member, topic) = (servers().await, Member::new(), "full");
    fresh_topic(&config.kafka_brokers, topic, 2).await;
    let writer = RawWriter::new(&config.kafka_brokers, topic);
    let written = [writer.write(0, 10_000).await, writer.write(1, 10_000).await];
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let mut consumer = Consumer::start(&kafka, group(topic, "a"), Positions::default()).unwrap();
    let mut before = [feed(&mut consumer).await, feed(&mut consumer).await];
    for feed in &mut before {
        // More is there than fits into the queue.
        take(feed, 1).await;
    }
    let other = Worker::start(&config, group(topic, "b"), &Positions::default(), &Seen::default());
    let mut after = feed(&mut consumer).await;
    let partition = usize::try_from(after.partition).unwrap();
    assert_eq!(ids(&take(&mut after, 10_000).await), written[partition]);
    other.member.end().await;
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_positions_are_told_to_kafka_for_lag_tools() {
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    use rdkafka::{ClientConfig, Offset, TopicPartitionList};
    let (config, member, topic) = (servers().await, Member::new(), "lag");
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    RawWriter::new(&config.kafka_brokers, topic).write(0, 3).await;
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let mut consumer = Consumer::start(&kafka, group(topic, "a"), Positions::default()).unwrap();
    let mut feed = feed(&mut consumer).await;
    let records = take(&mut feed, 3).await;
    feed.stored(records[2].behind());
    let tool: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &config.kafka_brokers)
        .set("group.id", format!("group.{topic}"))
        .create()
        .unwrap();
    let committed = async || {
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, 0);
        let list = tool.committed_offsets(list, SOON).unwrap();
        (list.elements()[0].offset() == Offset::Offset(3)).then_some(())
    };
    eventually("the offset is committed", SOON, committed).await;
    member.end().await;
}
