//! What a connection is made of: a WebSocket or a stream of server-sent events.

mod sent_events;
mod web_socket;

use std::time::Duration;

use runtime::backoff::Backoff;

use crate::frames::{Error, Frame, Said};

pub(crate) use sent_events::SentEvents;
pub(crate) use web_socket::WebSocketWire;

/// Clients that must reconnect do so after half of this or more, at random.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// What came from the client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A frame of the protocol.
    Said(Said),
    /// A sign of life without meaning.
    Alive,
    /// Something that no client of the protocol sends.
    Nonsense,
    /// Nothing more: the client has gone.
    Gone,
}

/// The client has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// Why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// This process ends, or cannot go on; connect again after this pause.
    Restart { retry: Duration },
    /// The client sent what is not of the protocol.
    Nonsense,
    /// The access token expired and was not refreshed.
    Expired,
    /// The session was ended, or the new token is not this user's, or does not let him or her into the audience.
    Revoked,
    /// The client reads more slowly than events come.
    TooSlow,
    /// The user has too many connections.
    TooMany,
}

impl Close {
    /// Every reason, as the protocol's description lists them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Restart { retry: LONGEST_PAUSE },
        Self::Nonsense,
        Self::Expired,
        Self::Revoked,
        Self::TooSlow,
        Self::TooMany,
    ];

    /// The end for a reason that is ours, with a pause that differs from client to client.
    pub(crate) fn restart() -> Self {
        Self::Restart { retry: Backoff::new(LONGEST_PAUSE, LONGEST_PAUSE).next() }
    }

    /// The reason as metrics name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Restart { .. } => "restart",
            Self::Nonsense => "nonsense",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::TooSlow => "too_slow",
            Self::TooMany => "too_many",
        }
    }

    /// The WebSocket close code.
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Restart { .. } => 1012,
            Self::Nonsense => 1008,
            Self::Expired => 4001,
            Self::Revoked => 4003,
            Self::TooSlow => 4008,
            Self::TooMany => 4029,
        }
    }

    /// The reason that is sent along; for a restart it holds the pause in milliseconds.
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Restart { retry } => format!("restart; retry={}", retry.as_millis()),
            Self::Nonsense => "a frame is not of the protocol orderflow.v1".to_owned(),
            Self::Expired => "the access token has expired".to_owned(),
            Self::Revoked => "the session has ended".to_owned(),
            Self::TooSlow => "too slow; resume by cursor".to_owned(),
            Self::TooMany => "too many connections of this user".to_owned(),
        }
    }
}

/// One way to reach a client. Dropping a future loses at most what it was to send; after that only close may be asked.
pub(crate) trait Wire: Send {
    /// The next thing that comes from the client. May be dropped and called again.
    fn hear(&mut self) -> impl Future<Output = Heard> + Send;
    /// Sends these frames in one go; completes when the network has taken them.
    fn write(&mut self, frames: &[Frame]) -> impl Future<Output = Result<(), Gone>> + Send;
    /// Sends a sign of life, which keeps proxies from cutting the line and shows dead clients.
    fn ping(&mut self) -> impl Future<Output = Result<(), Gone>> + Send;
    /// Says why, and ends.
    fn close(self, close: Close) -> impl Future<Output = Result<(), Error>> + Send;
}
