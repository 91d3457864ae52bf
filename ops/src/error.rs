//! What can go wrong with an operator's command.

use std::path::PathBuf;
use std::time::Duration;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It took longer than `--timeout`.
    #[error("no answer within {after:?}; whatever was done stays done: repeat the command to see")]
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// The topics could not be read or created.
    #[error("the topics could not be {what}")]
    Topics {
        /// Read or created.
        what: &'static str,
        /// What Kafka says.
        source: Box<bus::Error>,
    },
    /// The schemas could not be read or registered.
    #[error("the schemas could not be {what}")]
    Schemas {
        /// Read or registered.
        what: &'static str,
        /// What the registry says.
        source: Box<bus::Error>,
    },
    /// The views could not be read or changed.
    #[error("the views could not be looked at, or not be changed")]
    Views {
        /// What the read model says.
        source: Box<read_model::Error>,
    },
    /// The vault did not do it.
    #[error("the users' keys could not be looked at, or not be wrapped again")]
    Vault {
        /// What the vault says.
        source: vault::Error,
    },
    /// The parked streams could not be read, or not be let go.
    #[error("the parked streams could not be read, or not be let go")]
    Parked {
        /// What the read model says.
        source: read_model::Error,
    },
    /// The committed events could not be read, or not be marked to be published again.
    #[error("the committed events could not be read, or not be published again")]
    Store {
        /// What the store says.
        source: event_store::Error,
    },
    /// Topics or consumer groups could not be looked at.
    #[error("topics and consumer groups could not be looked at")]
    Logs {
        /// What Kafka says.
        source: bus::Error,
    },
    /// A replay ended early.
    #[error("the replay ended after {done} of {goal} records; it may be repeated: readers know an event that they had")]
    Replay {
        /// How many were copied for certain.
        done: u64,
        /// How many there are.
        goal: u64,
        /// What Kafka says.
        source: Box<bus::Error>,
    },
    /// A committed event cannot be read.
    #[error("an event of {stream} cannot be read")]
    Event {
        /// Whose event.
        stream: schemas::StreamId,
        /// What is wrong with it.
        source: schemas::DecodeError,
    },
    /// A manual page could not be made.
    #[error("the manual page could not be made")]
    Manual {
        /// Why not.
        source: std::io::Error,
    },
    /// What is kept of an order's history is not one.
    #[error("the history of {order} cannot be read")]
    History {
        /// Whose history.
        order: schemas::OrderId,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The gateway did not answer.
    #[error("the gateway did not answer, so the order may be placed or not: repeat the command with --key {key}")]
    Unanswered {
        /// The idempotency key that was sent.
        key: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// The gateway could not place the order.
    #[error("the gateway could not place the order ({status}): {why}; repeat the command with --key {key}")]
    NotPlaced {
        /// The idempotency key that was sent.
        key: String,
        /// What it answered.
        status: u16,
        /// In its words.
        why: String,
    },
    /// No token could be signed.
    #[error("no token could be signed")]
    Token {
        /// Why not.
        source: sessions::signer::KeyError,
    },
    /// The accounts could not be read or written.
    #[error("the account could not be made")]
    Accounts(#[from] accounts::Error),
    /// An event could not be written.
    #[error("the event could not be written")]
    Encode(#[from] schemas::EncodeError),
    /// No key could be made.
    #[error("no Ed25519 key could be made: the system gives no random numbers")]
    Key,
    /// A key file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A key file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file holds no key set.
    #[error("{} is not a JSON Web Key Set", path.display())]
    KeySet {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// Tokens cannot be checked.
    #[error("cannot set up the check of tokens")]
    Sessions(#[from] sessions::Error),
    /// The HTTP server ended.
    #[error("cannot serve HTTP")]
    Serve(#[from] runtime::Error),
    /// The asynchronous runtime did not start.
    #[error("cannot start")]
    Threads {
        /// Why not.
        source: std::io::Error,
    },
}

impl From<event_store::Error> for Error {
    fn from(source: event_store::Error) -> Self {
        Self::Store { source }
    }
}

impl From<read_model::Error> for Error {
    fn from(source: read_model::Error) -> Self {
        Self::Views { source: Box::new(source) }
    }
}
