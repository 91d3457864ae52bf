//! What can go wrong between us and Redis.

use redis::{RedisError, ServerErrorKind};

use crate::Generation;

/// A request to the read model was not served. Nothing was applied, unless [`Error::Unavailable`] came from a write:
/// then it may have been, and asking again shows it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The setting cannot be used.
    #[error("REDIS_URL is not the address of a Redis server, like redis://127.0.0.1:6379")]
    Url {
        /// What the parser said.
        source: RedisError,
    },
    /// Redis is away, busy, out of memory or too slow. Trying again later helps.
    #[error("Redis did not serve in time: {doing}")]
    Unavailable {
        /// What we were doing.
        doing: &'static str,
        /// What the client said.
        source: RedisError,
    },
    /// Redis answered that this cannot be done. Trying again does not help.
    #[error("Redis refused: {doing}")]
    Refused {
        /// What we were doing.
        doing: &'static str,
        /// What the server said.
        source: RedisError,
    },
    /// What lies in Redis is not what this program wrote.
    #[error("{key} in Redis holds what nobody should have written there: {found}")]
    Corrupt {
        /// Where.
        key: String,
        /// What was found.
        found: String,
    },
    /// Nothing was ever projected, or Redis was emptied: readers have no generation to read.
    #[error("the projection {projection} has no live generation; start its projector")]
    NoLiveGeneration {
        /// Which.
        projection: String,
    },
    /// Nobody feeds this generation any more: it was dropped, or Redis was emptied since it was begun.
    #[error("generation {generation} of {projection} is not there any more, or is being dropped")]
    NoSuchGeneration {
        /// Of which projection.
        projection: &'static str,
        /// Which.
        generation: Generation,
    },
    /// Redis was asked to write its append-only file anew, and did not.
    #[error("Redis did not write its append-only file anew: see its log, and whether its disk has room")]
    NotRewritten,
    /// Too many requests wait for the projection already.
    #[error("{waiting} requests wait for the projection already")]
    TooManyWaiters {
        /// How many.
        waiting: usize,
    },
}

impl Error {
    /// Sorts what the client or the server said.
    pub(crate) fn of(doing: &'static str, source: RedisError) -> Self {
        if is_passing(&source) { Self::Unavailable { doing, source } } else { Self::Refused { doing, source } }
    }

    /// Whether the same request may succeed later without anyone's help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unavailable { .. }
            | Self::NoLiveGeneration { .. }
            | Self::NoSuchGeneration { .. }
            | Self::NotRewritten
            | Self::TooManyWaiters { .. } => true,
            Self::Url { .. } | Self::Refused { .. } | Self::Corrupt { .. } => false,
        }
    }
}

/// Whether the connection is in doubt, and another one should be made.
pub(crate) fn is_broken_connection(error: &RedisError) -> bool {
    error.is_io_error() || error.is_timeout() || error.is_connection_dropped()
}

/// Errors of a server that will serve again by itself, or once an operator gave it memory, disk or a primary.
const PASSING_CODES: [&str; 4] = ["OOM", "MISCONF", "BUSY", "NOREPLICAS"];

fn is_passing(error: &RedisError) -> bool {
    use redis::ErrorKind::Server;
    let waits = matches!(
        error.kind(),
        Server(
            ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
        )
    );
    waits || is_broken_connection(error) || error.code().is_some_and(|code| PASSING_CODES.contains(&code))
}

/// Whether the server does not have our library: nothing was executed.
pub(crate) fn is_missing_function(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("Function not found"))
}

/// Whether the library is there already.
pub(crate) fn is_present_library(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("already exists"))
}
