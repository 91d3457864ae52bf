//! One topic's log, read from here to there, for operators. The partitions are assigned by hand: no group is joined,
//! nothing is committed, and no reader notices.

mod copies;
mod group;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message as _, OwnedMessage};
use rdkafka::{Offset, TopicPartitionList};
use schemas::Timestamp;

use crate::client::{self, Logs};
use crate::record::text_of;
use crate::{Error, KafkaConfig, RawRecord};

pub use copies::Copies;
pub use group::{GroupPositions, Moved};

/// How long one request to the cluster may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long is waited for the next record.
const NAP: Duration = Duration::from_millis(200);
/// Records that are taken together at most.
const TOGETHER: usize = 500;

/// The header by which a copy names its original: `orders.events.v1/3@77`. No event of ours carries it.
pub const REPLAY_OF: &str = "ce_replayof";

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At the first record of each partition.
    Start,
    /// At the first record of each partition that was written at this time or later.
    Time(Timestamp),
    /// At this offset, or at the next one that is there.
    Offset(i64),
}

/// A piece of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The partition.
    pub partition: i32,
    /// Its first offset.
    pub from: i64,
    /// The offset behind its last record.
    pub until: i64,
}

impl Span {
    /// How many records that are, in a log without holes.
    #[must_use]
    pub fn records(&self) -> u64 {
        u64::try_from(self.until - self.from).unwrap_or_default()
    }
}

/// A record, and what else is known of it.
#[derive(Debug, Clone)]
pub struct Logged {
    /// The record.
    pub record: RawRecord,
    /// The place of the record that it is a copy of, if it says so.
    pub replay_of: Option<String>,
    /// All of it, for a copy.
    whole: OwnedMessage,
}

impl Logged {
    /// Where it lies: `orders.events.v1/3@77`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}/{}@{}", self.record.topic, self.record.partition, self.record.offset)
    }
}

/// A topic, and the client that reads it.
pub struct Log {
    client: Arc<BaseConsumer<Logs>>,
    topic: Arc<str>,
    partitions: Vec<i32>,
    /// What is still to be read, by partition: the offset behind the last record. Without an end: [`i64::MAX`].
    left: BTreeMap<i32, i64>,
}

impl Log {
    /// Opens a topic; `None` if there is none of this name.
    pub async fn open(config: &KafkaConfig, topic: &str) -> Result<Option<Self>, Error> {
        let client = client::settings(config, "log")
            // Reading needs a group's name; nothing is ever joined or committed under it.
            .set("group.id", "orderflow.log")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("enable.partition.eof", "true")
            .create_with_context(Logs)
            .map_err(|source| Error::Client { purpose: "reading a log", source })?;
        let mut log =
            Self { client: Arc::new(client), topic: topic.into(), partitions: Vec::new(), left: BTreeMap::new() };
        let name = Arc::clone(&log.topic);
        let found = log.ask(move |client| {
            let metadata = client.fetch_metadata(Some(&name), TIMEOUT)?;
            let found = metadata.topics().iter().find(|found| found.name() == &*name && found.error().is_none());
            Ok(found
                .map(|found| found.partitions().iter().map(|partition| partition.id()).collect())
                .unwrap_or_default())
        });
        log.partitions = found.await?;
        log.partitions.sort_unstable();
        Ok((!log.partitions.is_empty()).then_some(log))
    }

    /// Its partitions, in order.
    #[must_use]
    pub fn partitions(&self) -> &[i32] {
        &self.partitions
    }

    /// What lies in each partition now, from a beginning on, and before a time if one is given.
    pub async fn spans(&self, begin: Begin, until: Option<Timestamp>) -> Result<Vec<Span>, Error> {
        let (topic, partitions) = (Arc::clone(&self.topic), self.partitions.clone());
        self.ask(move |client| {
            let starts = at(client, &topic, &partitions, Offset::Beginning)?;
            let ends = at(client, &topic, &partitions, Offset::End)?;
            let from = match begin {
                Begin::Start => starts.clone(),
                Begin::Time(time) => at(client, &topic, &partitions, millis(time))?,
                Begin::Offset(offset) => partitions.iter().map(|partition| (*partition, offset)).collect(),
            };
            let until = until.map(|time| at(client, &topic, &partitions, millis(time))).transpose()?;
            let span = |partition: &i32| {
                let (start, end) = (value(&starts, *partition, 0), value(&ends, *partition, 0));
                let until = until.as_ref().map_or(end, |until| value(until, *partition, end)).min(end);
                let from = value(&from, *partition, end).max(start).min(until);
                Span { partition: *partition, from, until }
            };
            Ok(partitions.iter().map(span).collect())
        })
        .await
    }

    /// Reads these spans and then ends; where no end is wanted, goes on with what is written later.
    pub async fn read(&mut self, spans: &[Span], end: End) -> Result<(), Error> {
        let wanted: Vec<_> = match end {
            End::OfSpans => spans.iter().filter(|span| span.from < span.until).copied().collect(),
            End::Never => spans.to_vec(),
        };
        self.left =
            wanted.iter().map(|span| (span.partition, if end == End::Never { i64::MAX } else { span.until })).collect();
        let topic = Arc::clone(&self.topic);
        self.ask(move |client| {
            let mut list = TopicPartitionList::new();
            for span in &wanted {
                list.add_partition_offset(&topic, span.partition, Offset::Offset(span.from))?;
            }
            client.assign(&list)
        })
        .await
    }

    /// The next records, in order per partition; after a short while none, if there are none. `None` = all were read.
    pub async fn next(&mut self) -> Result<Option<Vec<Logged>>, Error> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let (topic, mut left) = (Arc::clone(&self.topic), self.left.clone());
        let (records, left) = self
            .ask(move |client| {
                let mut records = Vec::new();
                while records.len() < TOGETHER && !left.is_empty() {
                    let wait = if records.is_empty() { NAP } else { Duration::ZERO };
                    match client.poll(wait) {
                        Some(Ok(message)) => take(&message, &topic, &mut left, &mut records),
                        // The log may end before the offset that was wanted, if its last ones hold no records.
                        Some(Err(KafkaError::PartitionEOF(partition))) => {
                            left.retain(|other, until| *other != partition || *until == i64::MAX);
                        }
                        Some(Err(error)) => return Err(error),
                        None => break,
                    }
                }
                Ok((records, left))
            })
            .await?;
        self.left = left;
        Ok(Some(records))
    }

    /// The client waits for its answers, so it does that on a thread for such things.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer<Logs>) -> KafkaResult<T> + Send + 'static,
    ) -> Result<T, Error> {
        let client = Arc::clone(&self.client);
        let answer = tokio::task::spawn_blocking(move || question(&client)).await;
        let answer = answer.map_err(|_panicked| Error::ThreadDied { thread: "log" })?;
        answer.map_err(|source| Error::Admin { what: format!("read {}", self.topic), source })
    }
}

/// How far to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// To the end of the spans.
    OfSpans,
    /// Whatever is written later, too.
    Never,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("topic", &self.topic).field("left", &self.left).finish_non_exhaustive()
    }
}

/// Keeps a record that was wanted, and notes what is left of its partition.
fn take(message: &BorrowedMessage<'_>, topic: &Arc<str>, left: &mut BTreeMap<i32, i64>, records: &mut Vec<Logged>) {
    let (partition, offset) = (message.partition(), message.offset());
    let Some(until) = left.get(&partition).copied() else { return };
    if offset + 1 >= until {
        left.remove(&partition);
    }
    if offset < until {
        records.push(Logged {
            record: RawRecord::copy(message, Arc::clone(topic)),
            replay_of: message.headers().and_then(|headers| text_of(headers, REPLAY_OF)),
            whole: message.detach(),
        });
    }
}

/// The cluster's answers, by partition. A time after the last record gives none.
type Answers = BTreeMap<i32, i64>;

fn at(client: &BaseConsumer<Logs>, topic: &str, partitions: &[i32], question: Offset) -> KafkaResult<Answers> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(topic, *partition);
    }
    list.set_all_offsets(question)?;
    let list = client.offsets_for_times(list, TIMEOUT)?;
    list.elements().iter().try_for_each(|element| element.error())?;
    let known = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match element.offset() {
        Offset::Offset(offset) => Some((element.partition(), offset)),
        Offset::Beginning | Offset::End | Offset::Stored | Offset::Invalid | Offset::OffsetTail(_) => None,
    };
    Ok(list.elements().iter().filter_map(known).collect())
}

fn value(answers: &Answers, partition: i32, otherwise: i64) -> i64 {
    answers.get(&partition).copied().unwrap_or(otherwise)
}

fn millis(time: Timestamp) -> Offset {
    Offset::Offset(time.as_micros().div_euclid(1_000).max(0))
}
