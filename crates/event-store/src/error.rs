//! What can go wrong with the store, as its callers need to tell it apart.

use std::time::Duration;

use schemas::StreamId;

use crate::Unreadable;

/// What the server says where a unique index has such an entry already.
pub(crate) const DUPLICATE_KEY: i32 = 11_000;

/// An operation on the event store failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration cannot be used.
    #[error("MONGODB_URI is not a usable MongoDB connection string")]
    Config {
        /// What the driver said.
        source: Box<mongodb::error::Error>,
    },
    /// MongoDB did not do it, or did not answer in time. For a write the outcome is unknown: a repetition with the same
    /// commit id is safe and finds out.
    #[error("MongoDB is not available to {doing}; try again")]
    Unavailable {
        /// What we were doing.
        doing: &'static str,
        /// Why it did not happen.
        source: Cause,
    },
    /// So many commits wait already that this one was not accepted; nothing was written.
    #[error("too many commits are waiting for MongoDB; try again")]
    Busy,
    /// The commit was not sent, because it could not be stored or published.
    #[error("the {what} of stream {stream} has {bytes} bytes, but at most {limit} are allowed")]
    TooLarge {
        /// `event` or `commit`.
        what: &'static str,
        /// Of which stream.
        stream: StreamId,
        /// Its size as BSON.
        bytes: usize,
        /// The largest size allowed.
        limit: usize,
    },
    /// A stored document is not what this release writes.
    #[error("cannot read what is stored, to {doing}")]
    Unreadable {
        /// What we were doing.
        doing: &'static str,
        /// What is wrong with the document.
        source: Unreadable,
    },
}

/// Why MongoDB did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// It was known to be away, so it was not even asked.
    #[error("it is known to be down")]
    Down,
    /// All connections were in use for too long.
    #[error("no connection became free within {0:?}")]
    NoConnection(Duration),
    /// It did not answer in time.
    #[error("it did not answer within {0:?}")]
    Silent(Duration),
    /// An earlier operation on the same cursor failed.
    #[error("the cursor was lost with an earlier failure")]
    CursorLost,
    /// The task that spoke to it panicked or was ended with the process.
    #[error("the operation's task ended early")]
    Task(#[source] tokio::task::JoinError),
    /// The driver or the server refused.
    #[error("the driver reports an error")]
    Driver(#[source] Box<mongodb::error::Error>),
}

impl Cause {
    /// Adds what we were doing.
    pub(crate) fn doing(self, doing: &'static str) -> Error {
        Error::Unavailable { doing, source: self }
    }

    /// Whether the server itself cannot be reached, as opposed to a refusal of this one operation.
    pub(crate) fn is_outage(&self) -> bool {
        use mongodb::error::ErrorKind;
        match self {
            Self::Driver(error) => matches!(
                *error.kind,
                ErrorKind::Io(_)
                    | ErrorKind::ServerSelection { .. }
                    | ErrorKind::ConnectionPoolCleared { .. }
                    | ErrorKind::DnsResolve { .. }
            ),
            Self::Down | Self::NoConnection(_) | Self::Silent(_) | Self::CursorLost | Self::Task(_) => false,
        }
    }
}

impl From<mongodb::error::Error> for Cause {
    fn from(error: mongodb::error::Error) -> Self {
        Self::Driver(Box::new(error))
    }
}
