//! What can go wrong in the vault, as its callers need to tell it apart.

use schemas::UserId;

use crate::{InvalidMasterKeys, MasterId};

/// An operation of the vault failed. None of these says anything of what was to be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The master keys cannot be used.
    #[error("cannot use VAULT_MASTER_KEY")]
    MasterKeys(#[from] InvalidMasterKeys),
    /// The address cannot be used.
    #[error("cannot use VAULT_MONGODB_URI")]
    Uri {
        /// What the driver said.
        source: Box<mongodb::error::Error>,
    },
    /// The database of keys did not do it, or did not answer in time.
    #[error("the vault's database is not available to {doing}; try again")]
    Unavailable {
        /// What we were doing.
        doing: &'static str,
        /// What the driver said; nothing if it said nothing in time.
        source: Option<Box<mongodb::error::Error>>,
    },
    /// The user's key was destroyed, so nothing can be sealed for him or her any more.
    #[error("the key of {user} was destroyed")]
    Destroyed {
        /// Whose.
        user: UserId,
    },
    /// The user has no key and never had one: the keys that are here are not those of these events.
    #[error("{user} has no key; is this the database of keys that belongs to these events?")]
    NoKey {
        /// Whose.
        user: UserId,
    },
    /// The user's key is wrapped under a master key that the configuration lacks.
    #[error("the key of {user} is wrapped under the master key {master}, which VAULT_MASTER_KEY lacks")]
    UnknownMaster {
        /// Whose.
        user: UserId,
        /// Under which.
        master: MasterId,
    },
    /// A stored key, or a sealed value, was not made for this user and field, or was changed.
    #[error("what was sealed for {user} does not open: it was not sealed for that, or it was changed")]
    NotAuthentic {
        /// Whose.
        user: UserId,
    },
    /// The cipher, or the source of randomness, failed. A defect.
    #[error("the cipher failed")]
    Cipher,
    /// The task that did the work died.
    #[error("the work of the vault ended early")]
    Died(#[source] tokio::task::JoinError),
}

impl Error {
    /// Whether the same may succeed later without anyone's help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::MasterKeys(_)
            | Self::Uri { .. }
            | Self::Destroyed { .. }
            | Self::NoKey { .. }
            | Self::UnknownMaster { .. }
            | Self::NotAuthentic { .. }
            | Self::Cipher
            | Self::Died(_) => false,
        }
    }
}
