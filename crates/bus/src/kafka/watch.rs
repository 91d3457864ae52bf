//! The thread that asks the cluster once a second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use runtime::backoff::Backoff;
use runtime::clock;

use super::{Inner, Sample};
use crate::Error;
use crate::bell::Bell;
use crate::client::{self, LastFailure};

/// How often a cluster that is fine is asked.
const EVERY: Duration = Duration::from_secs(1);
/// A cluster that has not answered by then is down.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The watching client; it reads no records.
pub(super) struct Watch {
    client: BaseConsumer<LastFailure>,
    /// Topics that were seen to exist, and how many partitions they have.
    partitions: BTreeMap<Arc<str>, i32>,
}

/// Why the cluster cannot be used.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the brokers {brokers} do not answer: {source}{}", last(.failure.as_deref()))]
    Away { brokers: Box<str>, source: KafkaError, failure: Option<Arc<str>> },
    #[error("topic {topic} does not exist: run `ops topics apply --execute`")]
    NoTopic { topic: Arc<str> },
    #[error("the end of topic {topic} is not known: {source}")]
    NoEnd { topic: Arc<str>, source: KafkaError },
}

/// What the last connection that failed adds to it: a wrong password, a certificate that nobody vouches for.
fn last(failure: Option<&str>) -> String {
    failure.map(|said| format!("; the last connection that failed: {said}")).unwrap_or_default()
}

impl Watch {
    pub(super) fn new(inner: &Inner) -> Result<Self, Error> {
        let client = client::settings(&inner.config, &inner.process.instance)
            .create_with_context(LastFailure::default())
            .map_err(|source| Error::Client { purpose: "watching the cluster", source })?;
        Ok(Self { client, partitions: BTreeMap::new() })
    }

    /// Asks until the bell says stop.
    pub(super) fn run(mut self, inner: &Inner, bell: &Bell) {
        let mut backoff = Backoff::new(Duration::from_millis(100), EVERY);
        while !bell.is_stopped() {
            while self.client.poll(Duration::ZERO).is_some() {}
            match self.ask(inner) {
                Ok(()) => {
                    self.client.context().forget();
                    inner.health.up();
                    backoff.reset();
                    bell.wait(EVERY);
                }
                Err(trouble) => {
                    inner.health.down(trouble);
                    bell.wait(backoff.next());
                }
            }
        }
    }

    /// Refreshes every watched topic's ends; an error is the first trouble met.
    fn ask(&mut self, inner: &Inner) -> Result<(), Trouble> {
        let topics: Vec<_> = inner.topics().iter().map(|(topic, ends)| (Arc::clone(topic), Arc::clone(ends))).collect();
        let failure = Arc::clone(self.client.context());
        let brokers = inner.config.kafka_brokers.as_str();
        let away = |source| Trouble::Away { brokers: brokers.into(), source, failure: failure.get() };
        if topics.is_empty() {
            self.client.fetch_metadata(Some("orderflow"), TIMEOUT).map_err(away)?;
        }
        let mut missing = None;
        for (topic, ends) in &topics {
            if self.partitions.contains_key(topic) {
                continue;
            }
            let found = self.find(topic).map_err(away)?;
            ends.missing.store(!found, Ordering::Release);
            if !found {
                missing = Some(Trouble::NoTopic { topic: Arc::clone(topic) });
            }
        }
        let asked = clock::monotonic();
        let answer = self.ends().map_err(away)?;
        for (topic, ends) in topics {
            match self.ends_of(&topic, &answer) {
                Ok(known) => ends.set(known.map(|ends| Sample { asked, ends })),
                Err(source) => {
                    ends.set(None);
                    self.partitions.remove(&topic);
                    missing = missing.or(Some(Trouble::NoEnd { topic, source }));
                }
            }
        }
        missing.map_or(Ok(()), Err)
    }

    /// Whether the topic exists; then its partitions are known.
    fn find(&mut self, topic: &Arc<str>) -> Result<bool, KafkaError> {
        let metadata = self.client.fetch_metadata(Some(topic), TIMEOUT)?;
        let found = metadata.topics().iter().find(|found| found.name() == &**topic && found.error().is_none());
        let count = found.map_or(0, |found| found.partitions().len());
        if count == 0 {
            return Ok(false);
        }
        self.partitions.insert(Arc::clone(topic), i32::try_from(count).unwrap_or(i32::MAX));
        Ok(true)
    }

    /// One request for the ends of all known partitions.
    fn ends(&self) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for (topic, count) in &self.partitions {
            list.add_partition_range(topic, 0, count - 1);
        }
        if self.partitions.is_empty() {
            return Ok(list);
        }
        list.set_all_offsets(Offset::End)?;
        self.client.offsets_for_times(list, TIMEOUT)
    }

    fn ends_of(&self, topic: &Arc<str>, answer: &TopicPartitionList) -> Result<Option<Arc<[i64]>>, KafkaError> {
        if !self.partitions.contains_key(topic) {
            return Ok(None);
        }
        let mut ends = Vec::new();
        for element in answer.elements_for_topic(topic) {
            element.error()?;
            ends.push(element.offset().to_raw().unwrap_or(-1));
        }
        Ok(Some(ends.into()))
    }
}
