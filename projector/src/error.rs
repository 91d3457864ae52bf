//! Why a projector cannot start, and why a partition stops.

use schemas::{EventId, StreamId, Version};
use views::Unfoldable;

/// The projector cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kafka or the registry cannot be used as configured.
    #[error("the projector cannot read events")]
    Events {
        /// What the bus said.
        source: bus::Error,
    },
    /// Redis cannot be used as configured.
    #[error("the projector cannot write views")]
    Views {
        /// What the read model said.
        source: read_model::Error,
    },
}

/// Why a partition does not go on. It stays where it is, visibly, and is tried again; nothing is skipped.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// A record gives no event, for now or for ever.
    #[error("the record at offset {offset} (stream {stream}) gives no event")]
    Undecodable {
        /// Where it lies.
        offset: i64,
        /// The stream that its key names.
        stream: String,
        /// What is wrong with it.
        source: Box<bus::DecodeFailure>,
    },
    /// A record's event belongs to another aggregate than the topic does.
    #[error("the record at offset {offset} (stream {stream}) is no event of this topic's aggregate")]
    Foreign {
        /// Where it lies.
        offset: i64,
        /// Its stream.
        stream: StreamId,
    },
    /// An event does not fit the view before it.
    #[error("version {version} of {stream}, at offset {offset}, cannot be applied")]
    Unfoldable {
        /// Where it lies.
        offset: i64,
        /// Its stream.
        stream: StreamId,
        /// Its version.
        version: Version,
        /// What does not fit.
        source: Unfoldable,
    },
    /// A view cannot be written as JSON.
    #[error("the view of {stream} cannot be written as JSON")]
    Encode {
        /// Its stream.
        stream: StreamId,
        /// What the encoder said.
        source: serde_json::Error,
    },
    /// A stored view is not what this build wrote.
    #[error("the stored view of {stream} is not one of this build's; fill a new generation")]
    ForeignShape {
        /// Its stream.
        stream: StreamId,
        /// What the decoder said.
        source: serde_json::Error,
    },
    /// Two events claim one version: history has diverged.
    #[error(
        "version {version} of {stream} was applied as event {applied}, but the log has event {found} there (offset \
         {offset}): history has diverged; see the runbook before going on"
    )]
    Diverged {
        /// Where it lies.
        offset: i64,
        /// The stream.
        stream: StreamId,
        /// The version that both claim.
        version: Version,
        /// The event that was applied.
        applied: EventId,
        /// The event in the log.
        found: EventId,
    },
    /// Documents of this partition change under our hands.
    #[error("documents of this partition are written by someone else, too")]
    Contended,
    /// Redis did not do it.
    #[error("the views cannot be written")]
    ReadModel(#[from] read_model::Error),
    /// The log has a hole.
    #[error(transparent)]
    Feed(bus::FeedError),
}

impl Stop {
    /// Whether it may pass without anyone's help.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Undecodable { source, .. } => match &**source {
                bus::DecodeFailure::Poison { .. } => false,
                bus::DecodeFailure::Unavailable { .. } => true,
            },
            Self::ReadModel(source) => source.is_passing(),
            Self::Contended => true,
            Self::Foreign { .. }
            | Self::Unfoldable { .. }
            | Self::Encode { .. }
            | Self::ForeignShape { .. }
            | Self::Diverged { .. }
            | Self::Feed(_) => false,
        }
    }
}
