//! The positions of a consumer group that nobody is a member of. The group's coordinator itself refuses to move those of a
//! group that somebody joined meanwhile, so there is no moment in which a living one could be hit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::Span;
use crate::client::{self, Logs};
use crate::{Error, KafkaConfig};

/// How long one request to the cluster may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The positions of one group in one topic.
pub struct GroupPositions {
    client: Arc<BaseConsumer<Logs>>,
    group: Arc<str>,
    topic: Arc<str>,
}

/// What became of positions that were to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// They were.
    Done,
    /// They were not: the group has members.
    Alive,
}

impl GroupPositions {
    /// Those of this group in this topic. Joins nothing.
    pub fn of(config: &KafkaConfig, group: &str, topic: &str) -> Result<Self, Error> {
        let client = client::settings(config, "replay")
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .create_with_context(Logs)
            .map_err(|source| Error::Client { purpose: "moving a group", source })?;
        Ok(Self { client: Arc::new(client), group: group.into(), topic: topic.into() })
    }

    /// The offset that the group reads next, by partition; none where it has not stored any.
    pub async fn now(&self, spans: &[Span]) -> Result<BTreeMap<i32, i64>, Error> {
        let list = self.list(spans, |_| Offset::Invalid)?;
        let found = self.ask("look at the positions of", move |client| client.committed_offsets(list, TIMEOUT)).await?;
        let known = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            Some((element.partition(), element.offset().to_raw().filter(|offset| *offset >= 0)?))
        };
        Ok(found.elements().iter().filter_map(known).collect())
    }

    /// Has the group read each of these partitions from the beginning of its span on, all of them or none.
    pub async fn set(&self, spans: &[Span]) -> Result<Moved, Error> {
        let list = self.list(spans, |span| Offset::Offset(span.from))?;
        let moved = self.ask("move the positions of", move |client| match client.commit(&list, CommitMode::Sync) {
            Ok(()) => Ok(Moved::Done),
            Err(KafkaError::ConsumerCommit(
                RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::RebalanceInProgress
                | RDKafkaErrorCode::FencedInstanceId,
            )) => Ok(Moved::Alive),
            Err(error) => Err(error),
        });
        moved.await
    }

    fn list(&self, spans: &[Span], offset: impl Fn(&Span) -> Offset) -> Result<TopicPartitionList, Error> {
        let mut list = TopicPartitionList::new();
        for span in spans {
            list.add_partition_offset(&self.topic, span.partition, offset(span))
                .map_err(|source| Error::Admin { what: format!("move {}", self.group), source })?;
        }
        Ok(list)
    }

    /// The client waits for its answers, so it does that on a thread for such things.
    async fn ask<T: Send + 'static>(
        &self,
        what: &str,
        question: impl FnOnce(&BaseConsumer<Logs>) -> KafkaResult<T> + Send + 'static,
    ) -> Result<T, Error> {
        let client = Arc::clone(&self.client);
        let answer = tokio::task::spawn_blocking(move || question(&client)).await;
        let answer = answer.map_err(|_panicked| Error::ThreadDied { thread: "replay" })?;
        answer.map_err(|source| Error::Admin { what: format!("{what} {}", self.group), source })
    }
}

impl std::fmt::Debug for GroupPositions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupPositions").field("group", &self.group).field("topic", &self.topic).finish_non_exhaustive()
    }
}
