//! What can go wrong between us and Kafka or the registry.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use schema_registry_converter::error::SRCError;
use schemas::{EncodeError, StreamId, Version};

/// A failure of Kafka, of the registry, or of what we gave them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A client could not be made: a setting is wrong, or the machine has no threads left.
    #[error("cannot create the Kafka client for {purpose}")]
    Client {
        /// What it was for.
        purpose: &'static str,
        /// What librdkafka said.
        source: KafkaError,
    },
    /// A thread that serves a Kafka client could not be started.
    #[error("cannot start the thread {thread}")]
    Thread {
        /// Its name.
        thread: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread that serves a Kafka client panicked.
    #[error("the thread {thread} ended unexpectedly")]
    ThreadDied {
        /// Its name.
        thread: &'static str,
    },
    /// Kafka did not say how far a group has come.
    #[error("Kafka did not say how far the group has come")]
    Committed {
        /// What librdkafka said.
        source: KafkaError,
    },
    /// The HTTP client for the registry could not be made.
    #[error("cannot create the client for the schema registry")]
    RegistryClient {
        /// What the library said.
        source: Box<SRCError>,
    },
    /// An event does not encode. A defect of ours.
    #[error("event {version} of {stream} does not encode")]
    Encode {
        /// Whose event.
        stream: StreamId,
        /// Which one.
        version: Version,
        /// What the codec said.
        source: EncodeError,
    },
    /// One record was refused, by the client or by the broker. Nothing that was sent after it on this round counts.
    #[error("event {version} of {stream} was not delivered")]
    Undelivered {
        /// Whose event.
        stream: StreamId,
        /// Which one.
        version: Version,
        /// Why.
        source: KafkaError,
    },
    /// One record is larger than the client accepts, so it was not handed over. Others can be sent; of its stream nothing
    /// later may be.
    #[error("event {version} of {stream} is too large for Kafka")]
    TooLarge {
        /// Whose event.
        stream: StreamId,
        /// Which one.
        version: Version,
    },
    /// The event's topic does not exist, so it was not handed over. Others can be sent; of its stream nothing later may
    /// be. `ops topics apply` creates it.
    #[error("topic {topic} does not exist: run `ops topics apply --execute`")]
    TopicMissing {
        /// The topic.
        topic: &'static str,
    },
    /// An earlier record of this round failed, so this one was not sent, or its fate is unknown.
    #[error("an earlier record of this round was not delivered: start a new round")]
    RoundFailed,
    /// The client's queue stayed full, because Kafka takes nothing. Nothing was sent.
    #[error("the queue to Kafka is full and Kafka takes nothing")]
    QueueFull,
    /// A schema is not registered. `ops schemas apply` registers it.
    #[error("the schema registry has no schema of this release for {subject}: run `ops schemas apply --execute`")]
    SchemaMissing {
        /// The subject that lacks it.
        subject: String,
    },
    /// The registry was not asked yet, or does not answer.
    #[error("the schema registry was asked for {what} and did not answer")]
    Registry {
        /// What it was asked for.
        what: String,
        /// What the library said.
        source: Box<SRCError>,
    },
    /// The ids of our schemas are not known yet: the registry has not answered since the start.
    #[error("the schema registry has not answered yet")]
    RegistryNotAsked,
    /// A copy of a record was not written.
    #[error("a record could not be copied into {topic}")]
    Copy {
        /// The topic of the copies.
        topic: String,
        /// What librdkafka said.
        source: KafkaError,
    },
    /// An administrative request failed.
    #[error("Kafka refused to {what}")]
    Admin {
        /// What was asked.
        what: String,
        /// What librdkafka said.
        source: KafkaError,
    },
    /// An administrative request to the registry failed.
    #[error("the schema registry refused to {what}: {answer}")]
    RegistryAdmin {
        /// What was asked.
        what: String,
        /// Status and body of the answer.
        answer: String,
    },
    /// An administrative request to the registry got no answer.
    #[error("the schema registry did not answer when asked to {what}")]
    RegistryHttp {
        /// What was asked.
        what: String,
        /// What the HTTP client said.
        source: reqwest::Error,
    },
}

impl Error {
    /// Whether this very record was refused, and not only lost with others: sent again, it may well be refused again.
    #[must_use]
    pub const fn is_of_one_record(&self) -> bool {
        if let Self::Undelivered { source: KafkaError::MessageProduction(code), .. } = self {
            return !matches!(
                code,
                RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight | RDKafkaErrorCode::Fatal
            );
        }
        self.is_of_one_event()
    }

    /// Whether the topic is refused, and so will be every other record for it for a while.
    #[must_use]
    pub const fn is_of_whole_topic(&self) -> bool {
        if let Self::Undelivered { source: KafkaError::MessageProduction(code), .. } = self {
            return matches!(
                code,
                RDKafkaErrorCode::TopicAuthorizationFailed
                    | RDKafkaErrorCode::UnknownTopic
                    | RDKafkaErrorCode::UnknownTopicOrPartition
                    | RDKafkaErrorCode::InvalidTopic
            );
        }
        matches!(self, Self::TopicMissing { .. })
    }

    /// Whether a send failed for this one event: others can be sent in the same round, but nothing later of its stream.
    #[must_use]
    pub const fn is_of_one_event(&self) -> bool {
        matches!(
            self,
            Self::Encode { .. } | Self::SchemaMissing { .. } | Self::TooLarge { .. } | Self::TopicMissing { .. }
        )
    }
}
