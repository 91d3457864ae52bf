//! The envelope: what is known of an event besides its content.

use crate::{EventId, StreamId, Timestamp, UserId, Version};

/// An event as it was recorded. On Kafka everything but `event` travels in headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<E> {
    /// The stream it belongs to, which is also the key of its record.
    pub stream: StreamId,
    /// Its place in that stream; versions have no gaps.
    pub version: Version,
    /// Its identity.
    pub id: EventId,
    /// When it was decided, by the hybrid clock: grows strictly along a stream.
    pub at: Timestamp,
    /// The user whom it concerns, if it concerns one.
    pub owner: Option<UserId>,
    /// The request that it all began with.
    pub correlation: Box<str>,
    /// The event or command that caused this one.
    pub causation: Option<Box<str>>,
    /// The W3C trace context of the command.
    pub traceparent: Option<Box<str>>,
    /// What happened.
    pub event: E,
}

impl<E> Recorded<E> {
    /// The same envelope around another content.
    pub fn map<F>(self, content: impl FnOnce(E) -> F) -> Recorded<F> {
        let Self { stream, version, id, at, owner, correlation, causation, traceparent, event } = self;
        Recorded { stream, version, id, at, owner, correlation, causation, traceparent, event: content(event) }
    }
}
