//! The realtime protocol as data, for its published description: who says what, and how connections end.

use utoipa::PartialSchema as _;
use utoipa::openapi::{RefOr, Schema};

use crate::audience;
use crate::connection::wire::Close;
use crate::frames::{Said, Told};

pub use crate::entry::PROTOCOL as NAME;
pub use crate::routes::LONGEST_HEARD;

/// The frame that only a stream of server-sent events carries: a WebSocket says the same by its close code.
pub const ONLY_SENT_EVENTS: &str = "close";

/// One audience that a connection may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience {
    /// As it is asked for.
    pub name: &'static str,
    /// Whether a connection that asks for none is in it.
    pub is_default: bool,
    /// Who may be in it and what it is told.
    pub description: &'static str,
    /// The frames that the server sends to it; of these, [`ONLY_SENT_EVENTS`] over server-sent events alone.
    pub told: &'static [&'static str],
    /// The frames that a client in it may send.
    pub said: &'static [&'static str],
}

/// One reason for which the server ends connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The WebSocket close code.
    pub code: u16,
    /// The reason as metrics name it.
    pub name: &'static str,
    /// What is sent along with the code.
    pub reason: String,
    /// What the client does about it.
    pub advice: &'static str,
}

/// The JSON Schema of what the server says: one alternative per frame.
#[must_use]
pub fn told() -> RefOr<Schema> {
    Told::schema()
}

/// The JSON Schema of what a client may say: one alternative per frame.
#[must_use]
pub fn said() -> RefOr<Schema> {
    Said::schema()
}

/// Every audience.
#[must_use]
pub fn audiences() -> Vec<Audience> {
    let audience = |audience: audience::Audience| Audience {
        name: audience.name(),
        is_default: audience == audience::Audience::default(),
        description: audience.description(),
        told: audience.told(),
        said: audience.said(),
    };
    audience::Audience::ALL.map(audience).to_vec()
}

/// Every reason for which the server ends connections.
#[must_use]
pub fn endings() -> Vec<Ending> {
    let ending =
        |close: Close| Ending { code: close.code(), name: close.name(), reason: close.reason(), advice: advice(close) };
    Close::ALL.map(ending).to_vec()
}

const fn advice(close: Close) -> &'static str {
    match close {
        Close::Restart { .. } => "Connect again after the pause that the reason names in milliseconds, and resume.",
        Close::Nonsense => "Do not send it again; connecting again does not help.",
        Close::Expired => "Get a new access token, connect again with it, and resume.",
        Close::Revoked => "Log in again; connecting again to an audience that you may not be in does not help.",
        Close::TooSlow => "Connect again and resume; what was missed follows.",
        Close::TooMany => "Close other connections of this user first.",
    }
}
