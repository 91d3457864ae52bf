//! The group as librdkafka's callbacks see it. They run inside `poll`, on the polling thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use schemas::Position;
use tokio::sync::mpsc;

use super::ask::Ask;
use super::assignment::Assignment;
use super::feed::{Queue, Requests};
use super::partition::Partition;
use super::{GroupConfig, PartitionFeed, committed};
use crate::client::Logs;
use crate::kafka::{Ends, Kafka};

/// One member of one group, for as long as the [`super::Consumer`] lives; it may need several clients.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) kafka: Kafka,
    pub(super) config: GroupConfig,
    pub(super) ask: Ask,
    pub(super) opened: mpsc::UnboundedSender<PartitionFeed>,
    pub(super) requests: Requests,
    /// By topic.
    pub(super) ends: Vec<(Arc<str>, Arc<Ends>)>,
}

/// What librdkafka calls back into.
#[derive(Debug)]
pub(super) struct Context {
    group: Arc<Group>,
    assignment: Mutex<Assignment>,
    /// A callback ran, so an empty poll does not mean that nothing waits behind it.
    called_back: AtomicBool,
}

impl Context {
    pub(super) fn new(group: &Arc<Group>) -> Self {
        Self { group: Arc::clone(group), assignment: Mutex::default(), called_back: AtomicBool::new(false) }
    }

    /// The partitions that we have. Locked only on the polling thread.
    pub(super) fn assignment(&self) -> MutexGuard<'_, Assignment> {
        self.assignment.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the log of this partition ends, if the cluster was asked after the partition's position had moved.
    pub(super) fn end_of(&self, partition: &Partition) -> Option<i64> {
        let (_, ends) = self.topic(&partition.topic)?;
        ends.of(partition.partition, Some(partition.moved))
    }

    /// Whether a callback ran since the last call.
    pub(super) fn was_called_back(&self) -> bool {
        self.called_back.swap(false, Ordering::Relaxed)
    }

    /// Sets where each partition is to be read from, before Kafka is told that we take it; then opens the feeds.
    fn assigned(&self, client: &BaseConsumer<Self>, list: &mut TopicPartitionList) -> KafkaResult<()> {
        let keys: Vec<_> = list
            .elements()
            .iter()
            .filter_map(|element| Some((self.topic(element.topic())?, element.partition())))
            .collect();
        let Some(positions) = self.group.ask.all(&keys, &self.group.requests.bell) else {
            return client.assign(list);
        };
        let mut opened = Vec::new();
        for (((topic, ends), partition), position) in keys.into_iter().zip(positions) {
            let (partition, feed) = self.open((topic, partition), ends, position);
            list.set_partition_offset(&partition.topic, partition.partition, Offset::Offset(partition.read_from()))?;
            opened.push((partition, feed));
        }
        client.assign(list)?;
        for (partition, feed) in opened {
            tracing::info!(topic = &*feed.topic, partition = feed.partition, "assigned at {:?}", partition.position);
            self.assignment().add(partition);
            let _consumer_gone = self.group.opened.send(feed);
        }
        Ok(())
    }

    fn open(&self, key: (Arc<str>, i32), ends: Arc<Ends>, position: Position) -> (Partition, PartitionFeed) {
        let queue = Arc::<Queue>::default();
        let partition = Partition::new(key.clone(), Arc::clone(&queue), position, runtime::clock::monotonic());
        let feed = PartitionFeed::new(key, position, queue, ends, self.group.requests.clone());
        (partition, feed)
    }

    /// Ends the feeds of these partitions, tells Kafka how far they came, and lets them go.
    fn revoked(&self, client: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        // A client never reads a partition again that was paused when it was taken away, also when it gets it back.
        let resumed = client.resume(list);
        let mut done = TopicPartitionList::new();
        for element in list.elements() {
            let Some(partition) = self.assignment().remove(element.topic(), element.partition()) else { continue };
            tracing::info!(topic = &*partition.topic, partition = partition.partition, "taken away");
            partition.queue.close();
            if let Some(stored) = partition.to_commit {
                committed::tell(&mut done, &partition.topic, partition.partition, stored)?;
            }
        }
        let told = match done.count() {
            1.. if !client.assignment_lost() => client.commit(&done, CommitMode::Async),
            _ => Ok(()),
        };
        client.unassign().and(resumed).and(told)
    }

    /// Kafka did not take these offsets, as during a rebalance: see [`Partition::offer_again`].
    pub(super) fn not_committed(&self, error: &KafkaError, offsets: &TopicPartitionList) {
        tracing::debug!(%error, group = self.group.config.group, "Kafka did not take the offsets; they are offered again");
        let mut assignment = self.assignment();
        for element in offsets.elements() {
            let partition = assignment.find(element.topic(), element.partition());
            if let (Some(partition), Offset::Offset(next)) = (partition, element.offset()) {
                partition.offer_again(next);
            }
        }
    }

    fn topic(&self, name: &str) -> Option<(Arc<str>, Arc<Ends>)> {
        self.group.ends.iter().find(|(topic, _)| **topic == *name).cloned()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.called_back.store(true, Ordering::Relaxed);
        Logs.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Logs.error(error, reason);
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, client: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        self.called_back.store(true, Ordering::Relaxed);
        let outcome = if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assigned(client, list)
        } else {
            self.revoked(client, list)
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, group = self.group.config.group, "the group's change of partitions failed");
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        self.called_back.store(true, Ordering::Relaxed);
        if let Err(error) = result {
            self.not_committed(&error, offsets);
        }
    }
}
