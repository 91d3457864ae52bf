//! Topics, for the operators' tool. Services never create any.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use runtime::backoff::Backoff;
use runtime::clock;
use schemas::Aggregate;

use crate::client::{self, Logs};
use crate::{Error, KafkaConfig};

/// How many partitions every topic has. It never changes: the partition of a stream depends on it.
pub const PARTITIONS: i32 = 12;
/// The settings that every topic has.
pub const SETTINGS: [(&str, &str); 2] = [("cleanup.policy", "delete"), ("retention.ms", "-1")];

const TIMEOUT: Duration = Duration::from_secs(10);
/// How often is looked whether a new topic is there.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LATER_LOOKS: Duration = Duration::from_millis(200);

/// One topic, compared with what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPlan {
    /// The topic.
    pub topic: &'static str,
    /// What was found.
    pub state: TopicState,
}

/// How a topic compares with what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicState {
    /// As it must be.
    Right,
    /// It does not exist; applying creates it.
    Missing,
    /// It has another number of partitions, which cannot be changed: streams would move.
    WrongPartitions {
        /// How many it has.
        found: usize,
    },
    /// It has other settings. Applying does not touch them, because an operator chose them.
    WrongSettings {
        /// Name and value of each that differs.
        found: Vec<(&'static str, Option<String>)>,
    },
}

/// What one partition's log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The partition.
    pub partition: i32,
    /// The first offset that it still holds.
    pub start: i64,
    /// The offset that its next record will get.
    pub end: i64,
}

impl Extent {
    /// How many records that are, in a log without holes.
    #[must_use]
    pub fn records(&self) -> u64 {
        u64::try_from(self.end - self.start).unwrap_or_default()
    }
}

/// The topics of all aggregates, and how many copies each partition gets.
pub struct Topics {
    client: AdminClient<Logs>,
    copies: i32,
}

impl Topics {
    /// A connection for operators. `copies` applies to topics that are created; -1 is the cluster's default.
    pub fn connect(config: &KafkaConfig, copies: i32) -> Result<Self, Error> {
        let client = client::settings(config, "ops")
            .create_with_context(Logs)
            .map_err(|source| Error::Client { purpose: "administration", source })?;
        Ok(Self { client, copies })
    }

    /// Compares every topic with what it must be.
    pub async fn plan(&self) -> Result<Vec<TopicPlan>, Error> {
        let mut plans = Vec::new();
        for aggregate in Aggregate::ALL {
            let topic = aggregate.topic();
            plans.push(TopicPlan { topic, state: self.state(topic).await? });
        }
        Ok(plans)
    }

    /// What every partition of a topic holds now.
    pub fn extents(&self, topic: &str) -> Result<Vec<Extent>, Error> {
        let failed = |source| Error::Admin { what: format!("measure {topic}"), source };
        let extent = |partition| {
            let (start, end) = self.client.inner().fetch_watermarks(topic, partition, TIMEOUT).map_err(failed)?;
            Ok(Extent { partition, start, end })
        };
        (0..PARTITIONS).map(extent).collect()
    }

    /// Creates the topics that are missing, and waits until they are seen. Says what each topic is like afterwards.
    pub async fn apply(&self) -> Result<Vec<TopicPlan>, Error> {
        let plans = self.plan().await?;
        let missing: Vec<_> = plans.iter().filter(|plan| plan.state == TopicState::Missing).collect();
        let new: Vec<_> = missing.iter().map(|plan| self.new_topic(plan.topic)).collect();
        if new.is_empty() {
            return Ok(plans);
        }
        let failed = |source| Error::Admin { what: "create topics".to_owned(), source };
        let results = self.client.create_topics(&new, &options()).await.map_err(failed)?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => {
                    return Err(Error::Admin { what: format!("create {topic}"), source: KafkaError::AdminOp(code) });
                }
            }
        }
        self.settled().await
    }

    /// What each topic is like once the brokers show those that were created: they answer that it is done a little
    /// earlier than they all know it, and a process that starts in between would find no topic.
    async fn settled(&self) -> Result<Vec<TopicPlan>, Error> {
        let created = clock::monotonic();
        let mut backoff = Backoff::new(FIRST_LOOK, LATER_LOOKS);
        loop {
            let plans = self.plan().await?;
            let some_missing = plans.iter().any(|plan| plan.state == TopicState::Missing);
            if !some_missing || created.elapsed() >= TIMEOUT {
                return Ok(plans);
            }
            backoff.wait().await;
        }
    }

    fn new_topic(&self, topic: &'static str) -> NewTopic<'static> {
        let new = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(self.copies));
        SETTINGS.iter().fold(new, |new, (name, value)| new.set(name, value))
    }

    async fn state(&self, topic: &'static str) -> Result<TopicState, Error> {
        let failed = |source| Error::Admin { what: format!("describe {topic}"), source };
        let metadata = self.client.inner().fetch_metadata(Some(topic), TIMEOUT).map_err(failed)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
        let partitions = found.map_or(0, |found| found.partitions().len());
        if partitions == 0 {
            return Ok(TopicState::Missing);
        }
        if i32::try_from(partitions) != Ok(PARTITIONS) {
            return Ok(TopicState::WrongPartitions { found: partitions });
        }
        let described = self.client.describe_configs(&[ResourceSpecifier::Topic(topic)], &options()).await;
        let described = described.map_err(failed)?.into_iter().next();
        let settings = described.transpose().map_err(|code| failed(KafkaError::AdminOp(code)))?;
        let found = settings.map(|settings| differing(&settings)).unwrap_or_default();
        Ok(if found.is_empty() { TopicState::Right } else { TopicState::WrongSettings { found } })
    }
}

impl std::fmt::Debug for Topics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Topics").field("copies", &self.copies).finish_non_exhaustive()
    }
}

fn differing(settings: &ConfigResource) -> Vec<(&'static str, Option<String>)> {
    let value = |name: &str| settings.get(name).and_then(|entry| entry.value.clone());
    let found = SETTINGS.iter().map(|(name, wanted)| (*name, value(name), *wanted));
    found.filter(|(_, found, wanted)| found.as_deref() != Some(wanted)).map(|(name, found, _)| (name, found)).collect()
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}
