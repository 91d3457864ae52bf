//! A topic is read again by whoever asked for it: from copies, or from an earlier position. Nobody else notices.

use std::time::Duration;

use bus::KafkaConfig;
use bus::log::{Begin, GroupPositions, Log, Moved, Span};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;
use stack::eventually;
use tokio::process::Command;
use uuid::Uuid;

use crate::apply::applied;
use crate::tail::{SOON, Writer, order, shown};

const ORDERS: &str = "orders.events.v1";

fn command(config: &KafkaConfig, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    command.arg("replay").args(line.split(' ')).args(["--output", "json"]).env("KAFKA_BROKERS", &config.kafka_brokers);
    command.env("SCHEMA_REGISTRY_URL", &config.schema_registry_url);
    command
}

/// What `ops replay` answers, which must end with this code.
async fn replay(config: &KafkaConfig, line: &str, code: i32) -> Value {
    let output = command(config, line).output().await.unwrap();
    assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn said(answer: &Value) -> String {
    answer["items"][0]["state"].as_str().unwrap().to_owned()
}

/// A topic that nobody else knows.
async fn topic(config: &KafkaConfig, partitions: i32) -> String {
    let name = format!("again-{}", Uuid::new_v4());
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", &config.kafka_brokers).create().unwrap();
    let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    admin.create_topics(&[new], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
    eventually("the topic is there", SOON, async || Log::open(config, &name).await.unwrap().map(drop)).await;
    name
}

/// The events in a topic of one stream, without their place in the log, and what each says to be a copy of.
async fn copies(config: &KafkaConfig, topic: &str, key: &str) -> (Vec<Value>, Vec<String>) {
    let (mut events, mut originals) = (Vec::new(), Vec::new());
    for mut line in shown(config, &["tail", topic, "--key", key]).await {
        let fields = line.as_object_mut().unwrap();
        let place = ["topic", "partition", "offset"].map(|field| fields.remove(field).unwrap());
        let [topic, partition, offset] = place.map(|part| part.to_string().replace('"', ""));
        let place = format!("{topic}/{partition}@{offset}");
        originals.push(fields.remove("replayOf").map_or(place, |of| of.as_str().unwrap().to_owned()));
        let _when = fields.remove("written");
        events.push(line);
    }
    (events, originals)
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_copied_as_they_are_and_say_what_they_are_copies_of() {
    let config = applied().await;
    let (writer, one, other, target) = (Writer::new(&config), order(), order(), topic(&config, 3).await);
    writer.write(&one, 1..=3).await;
    writer.write(&other, 1..=2).await;
    let line = format!("orders --to {target} --rate 5000");
    let plan = replay(&config, &line, 0).await;
    assert!(plan["executed"] == false && said(&plan).contains("records/s"), "{plan}");
    assert!(shown(&config, &["tail", &target]).await.is_empty(), "a plan does nothing");

    let done = replay(&config, &format!("{line} --execute"), 0).await;
    assert_eq!(done["executed"], true);
    for stream in [&one, &other] {
        let original = copies(&config, ORDERS, stream.as_str()).await;
        assert!(original.0.len() >= 2);
        assert_eq!(copies(&config, &target, stream.as_str()).await, original, "also in their order");
    }
    let plan = replay(&config, &format!("orders --to {target} --until 1h"), 0).await;
    assert!(said(&plan).starts_with("0 records"), "all is younger: {plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_replayed_into_what_services_read_nor_into_nothing() {
    let config = applied().await;
    for (line, why) in [
        ("orders --to payments.events.v1 --execute", "ops republish"),
        ("again --to again --execute", "never end"),
        ("orders --to __consumer_offsets --execute", "belongs to Kafka"),
        ("orders --to nowhere --execute", "there is no such topic"),
        ("nowhere --to orders-again --execute", "there is no such topic"),
        ("orders --group notifier --execute", "in Redis"),
        ("orders --group projector.orders.g2 --execute", "in Redis"),
    ] {
        let answer = replay(&config, line, 2).await;
        assert!(answer["executed"] == false && said(&answer).contains(why), "{line}: {answer}");
    }
    for line in ["orders", "orders --to a --group b", "orders --group b --rate 5", "orders --group b --until 1h"] {
        let _ = replay(&config, line, 64).await;
    }
}

/// What is planned for a group as soon as its last member is gone.
async fn at_rest(config: &KafkaConfig, line: &str) -> Value {
    eventually("it is empty", SOON, async || {
        let output = command(config, line).output().await.unwrap();
        output.status.success().then(|| serde_json::from_slice::<Value>(&output.stdout).unwrap())
    })
    .await
}

/// A topic with one partition, which holds copies of at least three records.
async fn copied(config: &KafkaConfig) -> String {
    let (topic, writer, stream) = (topic(config, 1).await, Writer::new(config), order());
    writer.write(&stream, 1..=3).await;
    let lines = shown(config, &["tail", "orders", "--key", stream.as_str()]).await;
    let (partition, from) = (lines[0]["partition"].to_string(), lines[0]["offset"].to_string());
    let copy = format!("orders --to {topic} --partition {partition} --from-offset {from} --execute");
    let _ = replay(config, &copy, 0).await;
    topic
}

/// A member of a group, which has read one topic of ours.
struct Member(BaseConsumer);

impl Member {
    fn of(config: &KafkaConfig, group: &str) -> Self {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &config.kafka_brokers).set("group.id", group);
        settings.set("enable.auto.commit", "false").set("auto.offset.reset", "latest");
        Self(settings.create().unwrap())
    }

    /// Joins, and returns when there is something to read.
    async fn join(&self, topic: &str) {
        self.0.subscribe(&[topic]).unwrap();
        eventually("it has partitions", SOON, async || {
            let _nothing_yet = self.0.poll(Duration::from_millis(10));
            (self.0.assignment().unwrap().count() > 0).then_some(())
        })
        .await;
    }

    fn commit(&self, topic: &str, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
        self.0.commit(&list, CommitMode::Sync).unwrap();
    }

    /// The offset of the next record.
    async fn next(&self) -> i64 {
        let found = eventually("a record", SOON, async || self.0.poll(Duration::from_millis(50))).await;
        found.unwrap().offset()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_at_rest_begins_earlier_and_one_that_is_read_is_never_moved() {
    let config = applied().await;
    let (topic, group) = (copied(&config).await, format!("theirs-{}", Uuid::new_v4()));
    let member = Member::of(&config, &group);
    member.join(&topic).await;
    member.commit(&topic, 0, 3);
    let line = format!("{topic} --group {group}");
    let refused = replay(&config, &format!("{line} --execute"), 2).await;
    assert!(said(&refused).contains("stop them first"), "{refused}");
    let start = [Span { partition: 0, from: 0, until: 3 }];
    let positions = GroupPositions::of(&config, &group, &topic).unwrap();
    assert_eq!(positions.set(&start).await.unwrap(), Moved::Alive, "also if it came to life just now");
    assert_eq!(positions.now(&start).await.unwrap(), [(0, 3)].into());

    drop(member);
    let plan = at_rest(&config, &line).await;
    let end = Log::open(&config, &topic).await.unwrap().unwrap().spans(Begin::Start, None).await.unwrap()[0].until;
    assert!(end >= 3, "all of it was copied");
    let state = plan["items"][1]["state"].as_str().unwrap();
    assert_eq!(state, format!("from offset 0 instead of offset 3: {end} records"));
    assert_eq!(positions.now(&start).await.unwrap(), [(0, 3)].into(), "a plan does nothing");
    let _ = replay(&config, &format!("{line} --execute"), 0).await;
    assert_eq!(positions.now(&start).await.unwrap(), [(0, 0)].into());

    let member = Member::of(&config, &group);
    member.join(&topic).await;
    assert_eq!(member.next().await, 0, "it reads everything again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_at_rest_is_never_moved_past_records_that_it_has_not_read() {
    let config = applied().await;
    let (topic, group) = (copied(&config).await, format!("theirs-{}", Uuid::new_v4()));
    let member = Member::of(&config, &group);
    member.join(&topic).await;
    member.commit(&topic, 0, 1);
    drop(member);

    let line = format!("{topic} --group {group} --partition 0 --from-offset 3");
    let plan = at_rest(&config, &line).await;
    let (action, state) = (&plan["items"][1]["action"], plan["items"][1]["state"].as_str().unwrap());
    let stays = "stays at offset 1, as it has unread records before offset 3";
    assert!(action == "none" && state.starts_with(stays), "{plan}");
    let done = replay(&config, &format!("{line} --execute"), 0).await;
    assert_eq!(done["items"], plan["items"]);
    let positions = GroupPositions::of(&config, &group, &topic).unwrap();
    let all = [Span { partition: 0, from: 0, until: 3 }];
    assert_eq!(positions.now(&all).await.unwrap(), [(0, 1)].into());
}
