//! Where a reader is in a log.

use std::fmt;

use uuid::Uuid;

use crate::EventId;

/// How far a reader has come in one partition of a topic. The default is where whoever has read nothing begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Position {
    /// The offset of the next record to read.
    pub next: i64,
    /// The event id of the record before it; offsets do not identify a log, this does. `None`: nothing to compare.
    pub last: Option<EventId>,
}

impl Position {
    /// Reads what `Display` wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (next, last) = text.split_once(' ')?;
        let last = match last {
            "-" => None,
            id => Some(EventId(Uuid::parse_str(id).ok()?)),
        };
        Some(Self { next: next.parse().ok()?, last })
    }
}

impl fmt::Display for Position {
    /// As it is stored; `0 -` must be what the read model's Lua code calls nowhere.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Some(last) => write!(f, "{} {last}", self.next),
            None => write!(f, "{} -", self.next),
        }
    }
}
