//! What can go wrong in the notifier.

use crate::frames;

/// The notifier cannot run, or cannot serve someone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kafka or the registry cannot be used as configured.
    #[error("the notifier cannot read events")]
    Events(#[source] bus::Error),
    /// Sessions cannot be followed as configured.
    #[error("the notifier cannot check tokens")]
    Sessions(#[source] sessions::Error),
    /// The feeds were not read or written.
    #[error("the feeds are not at hand")]
    Feeds(#[from] read_model::Error),
    /// The server could not serve.
    #[error("the notifier cannot serve")]
    Serve(#[from] runtime::Error),
    /// A feed was not read for the first time in due time.
    #[error("a user's feed could not be read in time")]
    FeedUnread,
    /// A board was not read for the first time in due time.
    #[error("what an audience is shown could not be read in time")]
    BoardUnread,
    /// A frame does not serialise, or a feed holds what is no event.
    #[error("an event cannot be told")]
    Frame(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<frames::Error> for Error {
    fn from(error: frames::Error) -> Self {
        Self::Frame(error.into())
    }
}
