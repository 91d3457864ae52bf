//! Why a command has no effect.

use domain::Refusal;
use schemas::{DecodeError, EncodeError, Version};

/// A command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejected {
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key was used before, for something else.
    #[error("this Idempotency-Key was used before with another body")]
    KeyReused,
    /// A request with the same key is still under way here.
    #[error("a request with this Idempotency-Key is still under way")]
    InFlight,
    /// `If-Match` names another version than the stream has.
    #[error("the version is {actual}, not {expected}")]
    Stale {
        /// What the client saw.
        expected: Version,
        /// What is there.
        actual: Version,
    },
    /// Every attempt lost its race.
    #[error("too many commands for one stream at once")]
    Contended,
    /// The event store did not answer, or refused.
    #[error("the event store failed")]
    Store(#[from] event_store::Error),
    /// A stored event could not be read.
    #[error("a stored event could not be read")]
    Unreadable(#[from] DecodeError),
    /// A new event could not be written.
    #[error("an event could not be encoded")]
    Unwritable(#[from] EncodeError),
    /// The task that ran the command died.
    #[error("the command's task died")]
    Died(#[source] tokio::task::JoinError),
}
