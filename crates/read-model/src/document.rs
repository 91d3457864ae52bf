//! A stored view document, as it is read.

use redis::{FromRedisValue, ParsingError, Value};
use schemas::{EventId, Version};
use uuid::Uuid;

/// One stream's view, as the last applied event left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The version of the last event that was applied, or discarded.
    pub version: Version,
    /// That event; `None` if it was discarded and had no id.
    pub last_event: Option<EventId>,
    /// The bytes that were stored; `None` is a tombstone.
    pub body: Option<Vec<u8>>,
}

/// What `HMGET v e b` answers.
pub(crate) type Fields = (Option<u32>, Option<StoredId>, Option<Vec<u8>>);

pub(crate) const FIELDS: [&str; 3] = ["v", "e", "b"];

/// An event id as it is stored.
#[derive(Debug)]
pub(crate) struct StoredId(EventId);

impl StoredId {
    pub(crate) const fn event(self) -> EventId {
        self.0
    }
}

impl FromRedisValue for StoredId {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let Value::BulkString(text) = value else { return Err("an event id is text".into()) };
        match Uuid::try_parse_ascii(&text) {
            Ok(id) => Ok(Self(EventId(id))),
            Err(_) => Err("an event id is a UUID".into()),
        }
    }
}

impl Document {
    /// `None` if nothing was ever stored.
    pub(crate) fn of((version, id, body): Fields) -> Option<Self> {
        let last_event = id.map(|StoredId(id)| id);
        Some(Self { version: Version(version?), last_event, body })
    }
}
