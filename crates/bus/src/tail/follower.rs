//! The thread behind a tail.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use runtime::backoff::Backoff;
use tokio::sync::mpsc;

use super::{StartFrom, TailEvent};
use crate::bell::Bell;
use crate::client::Logs;
use crate::{Error, Kafka, RawRecord};

/// How long one request to the cluster may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long the thread waits for a record before it looks whether it is to end.
const NAP: Duration = Duration::from_millis(200);

/// Reads one topic.
pub(super) struct Follower {
    client: BaseConsumer<Logs>,
    topic: Arc<str>,
    from: StartFrom,
    sender: mpsc::Sender<TailEvent>,
}

/// Nobody wants the records any more.
struct Gone;

impl Follower {
    pub(super) fn new(
        kafka: &Kafka,
        topic: &str,
        from: StartFrom,
        sender: mpsc::Sender<TailEvent>,
    ) -> Result<Self, Error> {
        let client = kafka
            .settings()
            // Reading needs a group's name; nothing is ever joined or committed under it.
            .set("group.id", "orderflow.tail")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .create_with_context(Logs)
            .map_err(|source| Error::Client { purpose: "following a topic", source })?;
        Ok(Self { client, topic: topic.into(), from, sender })
    }

    /// Reads until the bell says stop.
    pub(super) fn run(self, bell: &Bell) {
        let Some(missing) = self.begin(bell) else { return };
        let _nobody_listens = self.follow(missing, bell);
    }

    /// Starts to read; says which records lie in the topic now. Tries until it succeeds or the bell says stop.
    fn begin(&self, bell: &Bell) -> Option<Missing> {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));
        while !bell.is_stopped() {
            match self.try_to_begin() {
                Ok(Some(missing)) => return Some(missing),
                Ok(None) => tracing::debug!(topic = &*self.topic, "the topic to follow does not exist yet"),
                Err(error) => tracing::debug!(%error, topic = &*self.topic, "cannot follow the topic yet"),
            }
            bell.wait(backoff.next());
        }
        None
    }

    fn try_to_begin(&self) -> KafkaResult<Option<Missing>> {
        let metadata = self.client.fetch_metadata(Some(&self.topic), TIMEOUT)?;
        let found = metadata.topics().iter().find(|found| found.name() == &*self.topic && found.error().is_none());
        let Some(found) = found.filter(|found| !found.partitions().is_empty()) else { return Ok(None) };
        let mut list = TopicPartitionList::new();
        for partition in found.partitions() {
            list.add_partition(&self.topic, partition.id());
        }
        let ends = self.at(&list, Offset::End)?;
        let starts = match self.from {
            StartFrom::Beginning => self.at(&list, Offset::Beginning)?,
            StartFrom::Time(time) => self.at(&list, Offset::Offset(time.as_micros().div_euclid(1_000).max(0)))?,
        };
        self.client.assign(&starts)?;
        Ok(Some(Missing::between(&starts, &ends)))
    }

    /// The offsets that the cluster gives for this question, in one request.
    fn at(&self, partitions: &TopicPartitionList, question: Offset) -> KafkaResult<TopicPartitionList> {
        let mut list = partitions.clone();
        list.set_all_offsets(question)?;
        let list = self.client.offsets_for_times(list, TIMEOUT)?;
        list.elements().iter().try_for_each(|element| element.error())?;
        Ok(list)
    }

    fn follow(&self, mut missing: Missing, bell: &Bell) -> Result<(), Gone> {
        let mut caught_up = false;
        while !bell.is_stopped() {
            if !caught_up && missing.is_empty() {
                caught_up = true;
                self.yield_event(TailEvent::CaughtUp)?;
            }
            match self.client.poll(NAP) {
                Some(Ok(message)) => {
                    let record = RawRecord::copy(&message, Arc::clone(&self.topic));
                    let (partition, offset) = (record.partition, record.offset);
                    self.yield_event(TailEvent::Record(record))?;
                    missing.remove(partition, offset);
                }
                Some(Err(error)) => tracing::debug!(%error, topic = &*self.topic, "Kafka reports an error to the tail"),
                None => {}
            }
        }
        Ok(())
    }

    fn yield_event(&self, event: TailEvent) -> Result<(), Gone> {
        self.sender.blocking_send(event).map_err(|_closed| Gone)
    }
}

/// By partition: the last offset that is still to be read before the tail has caught up.
struct Missing(Vec<(i32, i64)>);

impl Missing {
    fn between(starts: &TopicPartitionList, ends: &TopicPartitionList) -> Self {
        let mut missing = Vec::new();
        for (start, end) in starts.elements().iter().zip(ends.elements()) {
            // A start that is `End`: nothing was written since the wanted time.
            if let (Offset::Offset(from), Offset::Offset(to)) = (start.offset(), end.offset())
                && from < to
            {
                missing.push((end.partition(), to - 1));
            }
        }
        Self(missing)
    }

    fn remove(&mut self, partition: i32, offset: i64) {
        self.0.retain(|(missing, last)| *missing != partition || *last > offset);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
