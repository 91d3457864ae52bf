//! Positions that Kafka itself keeps for a group: for readers whose effects lie in many places, so that no one place can
//! hold the position beside them.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};
use schemas::{EventId, Position};
use uuid::Uuid;

use super::PositionSource;
use crate::client::Logs;
use crate::{Error, Kafka};

/// How long Kafka may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Adds an offset that Kafka is to be told to a list. The id of the record before it goes along as metadata, by which the
/// log is recognised when it is read on.
pub(super) fn tell(list: &mut TopicPartitionList, topic: &str, partition: i32, done: Position) -> KafkaResult<()> {
    list.add_partition_offset(topic, partition, Offset::Offset(done.next))?;
    if let (Some(last), Some(mut told)) = (done.last, list.find_partition(topic, partition)) {
        told.set_metadata(last.to_string());
    }
    Ok(())
}

/// The id that an offset was told with; none if something else told it. The library panics on metadata that is not UTF-8.
fn told_with(element: &TopicPartitionListElem<'_>) -> Option<EventId> {
    let parsed = || Uuid::try_parse(element.metadata()).ok();
    catch_unwind(AssertUnwindSafe(parsed)).ok().flatten().map(EventId)
}

/// A [`PositionSource`]: reading goes on behind what [`super::PartitionFeed::stored`] said last, as far as Kafka came to
/// know of it, and from the log's start in a group that never read. So each record is read at least once, and some again
/// after a crash: what is done with a record must be recognised when it is done again. An offset that was set by other
/// tools is taken for what it is.
#[derive(Clone)]
pub struct CommittedOffsets {
    client: Arc<BaseConsumer<Logs>>,
}

impl fmt::Debug for CommittedOffsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommittedOffsets").finish_non_exhaustive()
    }
}

impl CommittedOffsets {
    /// The positions of this group.
    pub fn of(kafka: &Kafka, group: &str) -> Result<Self, Error> {
        let client = kafka
            .settings()
            // It asks in the group's name, and never joins it.
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .create_with_context(Logs)
            .map_err(|source| Error::Client { purpose: "asking for committed offsets", source })?;
        Ok(Self { client: Arc::new(client) })
    }

    fn ask(&self, topic: &str, partition: i32) -> KafkaResult<Position> {
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        let committed = self.client.committed_offsets(list, TIMEOUT)?;
        let Some(element) = committed.find_partition(topic, partition) else { return Ok(Position::default()) };
        let Offset::Offset(next) = element.offset() else { return Ok(Position::default()) };
        Ok(Position { next, last: told_with(&element) })
    }
}

impl PositionSource for CommittedOffsets {
    type Error = Error;

    async fn position(&self, topic: &str, partition: i32) -> Result<Position, Error> {
        let (asked, topic) = (self.clone(), topic.to_owned());
        let answer = tokio::task::spawn_blocking(move || asked.ask(&topic, partition)).await;
        let answer = answer.map_err(|_panicked| Error::ThreadDied { thread: "committed-offsets" })?;
        answer.map_err(|source| Error::Committed { source })
    }
}
