//! Why a projector cannot start, and why a partition stops.

use schemas::{EventId, StreamId, Version};

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
    /// The vault cannot be used as configured.
    #[error("the projector cannot open personal data")]
    Vault {
        /// What the vault said.
        source: vault::Error,
    },
}

/// Why a partition does not go on. It stays where it is, visibly, and is tried again; nothing is skipped.
///
/// An event that cannot be decoded or applied is none of these: it parks its stream, and the partition goes on.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// A record gives no event for now, or for ever and names no stream that could be parked.
    #[error("the record at offset {offset} (stream {stream}) gives no event")]
    Undecodable {
        /// Where it lies.
        offset: i64,
        /// The stream that its key names.
        stream: String,
        /// What is wrong with it.
        source: Box<bus::DecodeFailure>,
    },
    /// Personal data cannot be opened for now, or the vault is not the right one.
    #[error("the vault did not do its part for the record at offset {offset} (stream {stream})")]
    Vault {
        /// Where it lies.
        offset: i64,
        /// Its stream.
        stream: StreamId,
        /// What the vault said.
        source: vault::Error,
    },
    /// One more stream would have to be parked, and too many are.
    #[error(
        "{parked} streams are parked already, so {stream} is not, which cannot take its record at offset {offset} \
         ({reason}); see `ops parked ls`"
    )]
    TooManyParked {
        /// How many are parked.
        parked: usize,
        /// Where the record lies.
        offset: i64,
        /// Its stream.
        stream: StreamId,
        /// What is wrong with it.
        reason: String,
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
    /// Whether the generation that is fed here is not wanted any more.
    pub(crate) fn is_of_what_is_gone(&self) -> bool {
        matches!(self, Self::ReadModel(read_model::Error::NoSuchGeneration { .. }))
    }

    /// Whether it may pass without anyone's help.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Undecodable { source, .. } => match &**source {
                bus::DecodeFailure::Poison { .. } => false,
                bus::DecodeFailure::Unavailable { .. } => true,
            },
            Self::ReadModel(source) => source.is_passing(),
            Self::Vault { source, .. } => source.is_passing(),
            Self::Contended => true,
            Self::TooManyParked { .. } | Self::Diverged { .. } | Self::Feed(_) => false,
        }
    }
}
