//! A record as far as it could be read: an event, or why there is none and which stream that concerns.

use read_model::{Cause, ParkingEntry, Source};
use schemas::{EventId, Recorded, StreamId, Timestamp, Version, avro};

/// One record of a batch.
#[derive(Debug, Clone)]
pub enum Read<E> {
    /// It gives an event of the projection's aggregate.
    Event {
        /// Where it lies.
        offset: i64,
        /// What happened.
        recorded: Recorded<E>,
        /// When its record was written to the log, if that tells.
        written: Option<Timestamp>,
    },
    /// It gives none, and never will in this build.
    Refused(Refusal),
}

/// A record that its stream cannot take, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which stream.
    pub stream: StreamId,
    /// The version that is missing without it; `None` if it does not tell, or if the stream is of another aggregate.
    pub version: Option<Version>,
    /// The kind of reason.
    pub cause: Cause,
    /// For people.
    pub reason: String,
    /// The record's type, as its header names it.
    pub event_type: Option<String>,
    /// The event's id, if the record has one.
    pub event_id: Option<EventId>,
    /// Where it lies.
    pub offset: i64,
}

impl<E> Read<E> {
    pub(crate) fn offset(&self) -> i64 {
        match self {
            Self::Event { offset, .. } => *offset,
            Self::Refused(refusal) => refusal.offset,
        }
    }

    pub(crate) fn stream(&self) -> &StreamId {
        match self {
            Self::Event { recorded, .. } => &recorded.stream,
            Self::Refused(refusal) => &refusal.stream,
        }
    }

    pub(crate) fn version(&self) -> Option<Version> {
        match self {
            Self::Event { recorded, .. } => Some(recorded.version),
            Self::Refused(refusal) => refusal.version,
        }
    }

    /// When its event happened, if it gives one.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Event { recorded, .. } => Some(recorded.at),
            Self::Refused(_) => None,
        }
    }

    pub(crate) fn id(&self) -> Option<EventId> {
        match self {
            Self::Event { recorded, .. } => Some(recorded.id),
            Self::Refused(refusal) => refusal.event_id,
        }
    }
}

impl<E: schemas::Event> Read<E> {
    /// The same record, of which something turned out that bars its stream.
    pub(crate) fn refused(&self, cause: Cause, reason: String) -> Refusal {
        match self {
            Self::Event { offset, recorded, .. } => {
                Refusal { cause, reason, ..Refusal::of_event(*offset, recorded, recorded.event.name()) }
            }
            Self::Refused(refusal) => Refusal { cause, reason, ..refusal.clone() },
        }
    }
}

impl Refusal {
    /// Of an event that was decoded; the reason is still to be given.
    pub(crate) fn of_event<E>(offset: i64, recorded: &Recorded<E>, name: &str) -> Self {
        Self {
            stream: recorded.stream.clone(),
            version: Some(recorded.version),
            cause: Cause::Unfoldable,
            reason: String::new(),
            event_type: avro::record_named(name).map(avro::Record::full_name),
            event_id: Some(recorded.id),
            offset,
        }
    }

    /// The entry that parks the stream.
    pub(crate) fn entry(self, source: &Source, at: Timestamp) -> ParkingEntry {
        let Self { version, cause, reason, event_type, event_id, offset, .. } = self;
        let (topic, partition) = (source.topic.to_string(), source.partition);
        ParkingEntry { version, cause, reason, event_type, event_id, topic, partition, offset, at }
    }
}
