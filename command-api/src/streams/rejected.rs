//! Why a command has no effect.

use std::sync::Arc;

use domain::Refusal;
use schemas::{DecodeError, EncodeError, Version};
use tokio::sync::oneshot::error::RecvError;
use tokio::task::JoinError;

/// A command was not carried out. Commands that were decided together may share a cause.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Rejected {
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
    Store(#[source] Arc<event_store::Error>),
    /// A stored event could not be read.
    #[error("a stored event could not be read")]
    Unreadable(#[source] Arc<DecodeError>),
    /// A new event could not be written.
    #[error("an event could not be encoded")]
    Unwritable(#[source] Arc<EncodeError>),
    /// The task that ran the command died.
    #[error("the command's task died")]
    Died(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl From<event_store::Error> for Rejected {
    fn from(error: event_store::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<DecodeError> for Rejected {
    fn from(error: DecodeError) -> Self {
        Self::Unreadable(Arc::new(error))
    }
}

impl From<EncodeError> for Rejected {
    fn from(error: EncodeError) -> Self {
        Self::Unwritable(Arc::new(error))
    }
}

impl From<JoinError> for Rejected {
    fn from(panicked: JoinError) -> Self {
        Self::Died(Arc::new(panicked))
    }
}

impl From<RecvError> for Rejected {
    fn from(unanswered: RecvError) -> Self {
        Self::Died(Arc::new(unanswered))
    }
}
