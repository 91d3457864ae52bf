//! What can go wrong with accounts, as their callers need to tell it apart.

/// An operation on accounts failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// MongoDB did not do it, or did not answer in time.
    #[error("MongoDB is not available to {doing}; try again")]
    Unavailable {
        /// What we were doing.
        doing: &'static str,
        /// What the driver said; nothing if it said nothing in time.
        source: Option<Box<mongodb::error::Error>>,
    },
    /// Another transaction is changing the same: begin a new one.
    #[error("another transaction changes the same account, or the same address, right now")]
    Contended,
    /// Too many passwords wait to be hashed.
    #[error("too many log-ins and registrations at once; try again")]
    Busy,
    /// Too many wrong passwords for this account.
    #[error("too many wrong passwords for this account; try again in {retry_after} s")]
    Throttled {
        /// Seconds until the next try is heard.
        retry_after: u32,
    },
    /// A stored account or hash is not what this release writes.
    #[error("a stored account cannot be read")]
    Unreadable,
    /// A password could not be hashed. A defect.
    #[error("a password could not be hashed")]
    Hash(#[source] argon2::password_hash::Error),
    /// The system gave no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// The threads that hash passwords could not be started.
    #[error("the threads that hash passwords could not be started")]
    Threads(#[source] rayon_core::ThreadPoolBuildError),
    /// The task that did the work died.
    #[error("the work on an account ended early")]
    Died(#[source] tokio::task::JoinError),
    /// The thread that hashed the password died.
    #[error("the work on a password ended early")]
    Unhashed(#[source] tokio::sync::oneshot::error::RecvError),
}
