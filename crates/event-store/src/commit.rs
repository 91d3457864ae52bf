//! The commit: what one command (or a batch of commands on a hot stream) adds to a stream, all or nothing. It is stored as
//! one document, written once; afterwards only its marks change:
//!
//! ```text
//! { _id: { s: stream, v: version of the first event },
//!   cid: id, at: microseconds, own: owner?,
//!   cmd: [{ k: key?, fp: fingerprint?, n: number of events, caller, correlation, causation?, traceparent? }, …],
//!   ks:  [key, …]?,                     // unique over all commits
//!   ev:  [{ t: name, d: content }, …],
//!   o: lane?,                           // to be published; taken off once the log has it
//!   r: lane? }                          // to be published again
//! ```

mod document;

use bson::RawDocumentBuf;
use schemas::{AnyEvent, DecodeError, EncodeError, Event, EventId, Recorded, StreamId, Timestamp, UserId, Version};
use uuid::Uuid;

pub use document::Unreadable;
pub(crate) use document::{commit_id, commit_keys};

/// The largest event, in bytes of BSON: 512 KiB, so that no broker refuses it for its size.
pub(crate) const MAX_EVENT_BYTES: usize = 512 * 1024;
/// The largest commit, in bytes of BSON: 8 MiB; MongoDB's own limit is 16 MiB.
pub(crate) const MAX_COMMIT_BYTES: usize = 8 * 1024 * 1024;

/// Events of one stream that are recorded together, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The stream.
    pub stream: StreamId,
    /// The version of the first event. With `stream` it is the commit's unique key.
    pub first: Version,
    /// Random, made before the first attempt to append; the events' ids follow from it.
    pub id: Uuid,
    /// When it was decided, in microseconds since 1970 by a hybrid clock: must be greater than that of the stream's previous
    /// commit, or the relay's order breaks.
    pub at: Timestamp,
    /// The user whom the events concern.
    pub owner: Option<UserId>,
    /// The commands, in order; their `events` add up to the number of events.
    pub commands: Vec<CommandRecord>,
    /// Keys by which the commit is found again for ever; empty when the stream's id is derived from the key.
    pub keys: Vec<KeyHash>,
    /// The events; at least one.
    pub events: Vec<StoredEvent>,
}

/// The unique key of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommitId {
    /// The stream.
    pub stream: StreamId,
    /// The version of the commit's first event.
    pub first: Version,
}

/// Which command caused events, and what identifies it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandRecord {
    /// The hash of caller, route and Idempotency-Key.
    pub key: Option<KeyHash>,
    /// The fingerprint of the request's body.
    pub fingerprint: Option<Fingerprint>,
    /// How many of the commit's events this command produced.
    pub events: u32,
    /// Who gave it.
    pub caller: Box<str>,
    /// The correlation id: names the request that everything began with.
    pub correlation: Box<str>,
    /// The causation id: names the event that caused the command, if one did.
    pub causation: Option<Box<str>>,
    /// Its W3C trace context.
    pub traceparent: Option<Box<str>>,
}

/// An event's name and content, as they lie in a commit.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// The record's name: `OrderPlaced`.
    pub name: Box<str>,
    /// Its content.
    pub data: RawDocumentBuf,
}

/// The hash that an idempotency key is stored and looked up as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(pub [u8; 32]);

/// The keyed hash of a request's body: tells a retry from another request under the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is stored, journalled by a majority. Also the answer when it had been stored by an earlier attempt.
    Written,
    /// Another commit holds that version of the stream, or was made under one of the keys: look for it, and decide again.
    Conflict,
}

impl Commit {
    /// The version of the last event.
    #[must_use]
    pub fn last(&self) -> Version {
        let events = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        self.first.plus(events.saturating_sub(1))
    }

    /// The commit's unique key.
    #[must_use]
    pub fn key(&self) -> CommitId {
        CommitId { stream: self.stream.clone(), first: self.first }
    }

    /// The events with their envelopes, in order. All of them carry the commit's `at`.
    pub fn recorded(&self) -> Result<Vec<Recorded<AnyEvent>>, DecodeError> {
        let numbered = self.events.iter().zip(self.causes()).zip(0..);
        numbered.map(|((event, cause), index)| self.record(event, cause, index)).collect()
    }

    /// The command of each event, in order, and without end.
    pub fn causes(&self) -> impl Iterator<Item = Option<&CommandRecord>> {
        let causes = self.commands.iter().flat_map(|command| (0..command.events).map(move |_| command));
        // A command count that is too low must not lose events.
        causes.map(Some).chain(std::iter::repeat(self.commands.last()))
    }

    fn record(
        &self,
        event: &StoredEvent,
        cause: Option<&CommandRecord>,
        index: u32,
    ) -> Result<Recorded<AnyEvent>, DecodeError> {
        Ok(Recorded {
            stream: self.stream.clone(),
            version: self.first.plus(index),
            id: EventId::of_commit(self.id, index),
            at: self.at,
            owner: self.owner.clone(),
            correlation: cause.map_or_else(Box::default, |command| command.correlation.clone()),
            causation: cause.and_then(|command| command.causation.clone()),
            traceparent: cause.and_then(|command| command.traceparent.clone()),
            event: AnyEvent::from_document(self.stream.aggregate(), &event.name, &event.data)?,
        })
    }
}

impl StoredEvent {
    /// An event as it will be stored.
    pub fn of(event: &impl Event) -> Result<Self, EncodeError> {
        Ok(Self { name: event.name().into(), data: event.to_document()? })
    }
}
