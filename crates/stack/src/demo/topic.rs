//! The orders' topic, seen by a plain Kafka client that belongs to no group.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use runtime::clock;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::Error;

/// The orders' topic.
const TOPIC: &str = "orders.events.v1";
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells of records as they come. Its thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Watcher {
    seen: mpsc::Receiver<Seen>,
}

/// A record, and when it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Its key: the stream.
    pub(super) stream: String,
    /// The event's type.
    pub(super) kind: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) at: Instant,
}

impl Watcher {
    /// Watches from now on; returns when every partition is being watched.
    pub(super) async fn start(brokers: &str) -> Result<Self, Error> {
        let (records, seen) = mpsc::channel(1_000);
        let (ready, started) = oneshot::channel();
        let brokers = brokers.to_owned();
        // The client polls, so it needs a thread of its own.
        std::thread::spawn(move || match consumer(&brokers) {
            Ok(consumer) => {
                let _nobody_waits = ready.send(Ok(()));
                watch(&consumer, &records);
            }
            Err(source) => drop(ready.send(Err(Error::Topic { topic: TOPIC, source }))),
        });
        match started.await {
            Ok(started) => started.map(|()| Self { seen }),
            Err(_thread_is_gone) => Err(Error::Topic { topic: TOPIC, source: rdkafka::error::KafkaError::Canceled }),
        }
    }

    /// The first event of this stream.
    pub(super) async fn first_of(&mut self, stream: &str) -> Option<Seen> {
        loop {
            let seen = self.seen.recv().await?;
            if seen.stream == stream {
                return Some(seen);
            }
        }
    }
}

fn consumer(brokers: &str) -> Result<BaseConsumer, rdkafka::error::KafkaError> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "demo").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create()?;
    let metadata = consumer.fetch_metadata(Some(TOPIC), PATIENCE)?;
    let mut partitions = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions) {
        let (_first, next) = consumer.fetch_watermarks(TOPIC, partition.id(), PATIENCE)?;
        partitions.add_partition_offset(TOPIC, partition.id(), Offset::Offset(next))?;
    }
    consumer.assign(&partitions)?;
    Ok(consumer)
}

fn watch(consumer: &BaseConsumer, records: &mpsc::Sender<Seen>) {
    while !records.is_closed() {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let at = clock::monotonic();
        let stream = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let kind = headers.filter(|header| header.key == "ce_type").find_map(|header| header.value);
        let kind = String::from_utf8_lossy(kind.unwrap_or_default()).into_owned();
        let seen = Seen { stream, kind, partition: message.partition(), offset: message.offset(), at };
        if records.blocking_send(seen).is_err() {
            return;
        }
    }
}
