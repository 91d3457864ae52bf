//! What can stop a round, or one stream of it.

use schemas::{StreamId, Version};

/// Something was not published, or not noted as published. It is still marked, so a later round tries again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The outbox could not be read.
    #[error("cannot read the outbox")]
    Read(#[source] event_store::Error),
    /// Marks could not be removed; their events will be published again.
    #[error("cannot remove marks from the outbox")]
    Unmark(#[source] event_store::Error),
    /// The log takes nothing at all now.
    #[error("cannot begin to publish")]
    Begin(#[source] bus::Error),
    /// A stored commit cannot be read by this release; its stream waits for one that can.
    #[error("commit {first} of {stream} cannot be read, so its stream stops")]
    Unreadable {
        /// The stream that stops.
        stream: StreamId,
        /// The version of the commit's first event.
        first: Version,
        /// What is wrong with it.
        source: event_store::Unreadable,
    },
    /// Commits of streams that this release does not know; they wait for one that does.
    #[error("{commits} commits of streams like {example} cannot be read, so these streams stop")]
    Unknown {
        /// How many, in this round.
        commits: u32,
        /// One of the streams.
        example: String,
    },
    /// An event was not published.
    #[error("event {version} of {stream} was not published")]
    Publish {
        /// The stream that stops.
        stream: StreamId,
        /// The event.
        version: Version,
        /// Why not.
        source: bus::Error,
    },
}
