//! What lies in the topics, and who reads them: for operators, who ask now and then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use schemas::Aggregate;

use crate::client::{self, Logs};
use crate::{Error, KafkaConfig};

/// How long Kafka may take to answer one question.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks Kafka; clones share one client.
#[derive(Clone)]
pub struct Inventory {
    client: Arc<BaseConsumer<Logs>>,
}

/// The offsets that a partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// The first one that is there, or will be.
    pub start: i64,
    /// The one that the next record gets.
    pub end: i64,
}

/// A consumer group, as the broker sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// `Stable`, `Empty`, `PreparingRebalance`, …
    pub state: String,
    /// How many members it has.
    pub members: usize,
}

impl Inventory {
    /// Connects; does not fail when the cluster is down, but its answers do then.
    pub fn connect(config: &KafkaConfig) -> Result<Self, Error> {
        let client = client::settings(config, "inventory")
            .create_with_context(Logs)
            .map_err(|source| Error::Client { purpose: "looking at topics", source })?;
        Ok(Self { client: Arc::new(client) })
    }

    /// What the partitions of each aggregate's topic hold; a topic that does not exist, or of which a partition does not
    /// say, is left out.
    pub async fn topics(&self) -> Result<BTreeMap<Aggregate, Vec<Held>>, Error> {
        self.ask("look at the topics", |client| {
            let metadata = client.fetch_metadata(None, TIMEOUT)?;
            let of = |aggregate: Aggregate| {
                let found = metadata.topics().iter().find(|topic| topic.name() == aggregate.topic());
                let partitions =
                    found.filter(|topic| topic.error().is_none()).map_or(0, |topic| topic.partitions().len());
                (aggregate, i32::try_from(partitions).unwrap_or(i32::MAX))
            };
            let there: Vec<_> = Aggregate::ALL.into_iter().map(of).filter(|(_, partitions)| *partitions > 0).collect();
            let starts = offsets(client, &there, Offset::Beginning)?;
            let ends = offsets(client, &there, Offset::End)?;
            let held = there.iter().filter_map(|(aggregate, partitions)| {
                let at = |list: &TopicPartitionList, partition| {
                    let found = list.find_partition(aggregate.topic(), partition)?;
                    found.error().ok()?;
                    found.offset().to_raw()
                };
                let held = (0..*partitions)
                    .map(|partition| Some(Held { start: at(&starts, partition)?, end: at(&ends, partition)? }));
                Some((*aggregate, held.collect::<Option<_>>()?))
            });
            Ok(held.collect())
        })
        .await
    }

    /// Every consumer group, by name.
    pub async fn groups(&self) -> Result<Vec<Group>, Error> {
        self.ask("look at the consumer groups", |client| {
            let list = client.fetch_group_list(None, TIMEOUT)?;
            let group = |group: &rdkafka::groups::GroupInfo| Group {
                name: group.name().to_owned(),
                state: group.state().to_owned(),
                members: group.members().len(),
            };
            let mut groups: Vec<_> = list.groups().iter().map(group).collect();
            groups.sort();
            Ok(groups)
        })
        .await
    }

    /// The client waits for its answers, so it does that on a thread for such things.
    async fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        question: impl FnOnce(&BaseConsumer<Logs>) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, Error> {
        let client = Arc::clone(&self.client);
        let answer = tokio::task::spawn_blocking(move || question(&client)).await;
        let answer = answer.map_err(|_panicked| Error::ThreadDied { thread: "inventory" })?;
        answer.map_err(|source| Error::Admin { what: what.to_owned(), source })
    }
}

/// The start or the end of every partition, in one request.
fn offsets(
    client: &BaseConsumer<Logs>,
    topics: &[(Aggregate, i32)],
    which: Offset,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (aggregate, partitions) in topics {
        list.add_partition_range(aggregate.topic(), 0, partitions - 1);
    }
    if topics.is_empty() {
        return Ok(list);
    }
    list.set_all_offsets(which)?;
    client.offsets_for_times(list, TIMEOUT)
}

impl std::fmt::Debug for Inventory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inventory").finish_non_exhaustive()
    }
}
