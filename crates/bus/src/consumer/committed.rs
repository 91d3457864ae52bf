//! Positions that Kafka itself keeps for a group: for readers whose effects lie in many places, so that no one place can
//! hold the position beside them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::{Position, PositionSource};
use crate::client::Logs;
use crate::{Error, Kafka};

/// How long Kafka may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A [`PositionSource`]: reading goes on behind what [`super::PartitionFeed::stored`] said last, as far as Kafka came to
/// know of it, and from the log's start in a group that never read. So each record is read at least once, and some again
/// after a crash: what is done with a record must be recognised when it is done again.
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
        let offset = committed.find_partition(topic, partition).map(|element| element.offset());
        let next = if let Some(Offset::Offset(next)) = offset { next } else { 0 };
        Ok(Position { next, last: None })
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
