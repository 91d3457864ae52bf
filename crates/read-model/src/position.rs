//! How far a projection is: for each partition of a topic one position, kept beside the documents and moved with them.

use std::fmt;

use schemas::EventId;
use uuid::Uuid;

use crate::Error;

/// One filling of a projection; a rebuild fills the next one beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u32);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is written to: one generation of one projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    /// The projection's name.
    pub projection: &'static str,
    /// Which filling of it.
    pub generation: Generation,
}

impl Target {
    /// How the names of all groups that feed projections begin.
    pub const GROUPS: &'static str = "projector.";

    /// The consumer group that feeds it, for life, whichever generation is live: nobody joins or leaves at a switch.
    #[must_use]
    pub fn group(&self) -> String {
        let first = format!("{}{}", Self::GROUPS, self.projection);
        match self.generation {
            Generation(1) => first,
            Generation(number) => format!("{first}.g{number}"),
        }
    }
}

/// What is read from: one partition of one topic. Shown as `topic/partition`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// The topic's name.
    pub topic: std::sync::Arc<str>,
    /// The partition's number.
    pub partition: i32,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

impl Source {
    /// Reads what `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (topic, partition) = text.rsplit_once('/')?;
        Some(Self { topic: topic.into(), partition: partition.parse().ok()? })
    }
}

/// Where reading goes on: the offset of the next record, and the id of the last one that was applied, by which the log
/// is recognised. The default is the position of a partition of which nothing was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The next offset to read.
    pub next: i64,
    /// The event at `next - 1`, if that was applied.
    pub last: Option<EventId>,
}

impl fmt::Display for Position {
    /// As it is stored; `0 -` must be what the Lua code calls nowhere.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Some(last) => write!(f, "{} {last}", self.next),
            None => write!(f, "{} -", self.next),
        }
    }
}

/// One field of a hash of positions: the source, and the next offset to read.
pub(crate) fn next(source: &str, stored: &str) -> Option<(Source, i64)> {
    let (next, _last) = stored.split_once(' ')?;
    Some((Source::parse(source)?, next.parse().ok()?))
}

impl Position {
    /// Reads what `Display` wrote; nothing stored is the default.
    pub(crate) fn parse(source: &Source, stored: Option<&str>) -> Result<Self, Error> {
        let Some(text) = stored else { return Ok(Self::default()) };
        Self::read(text)
            .ok_or_else(|| Error::Corrupt { key: format!("the position of {source}"), found: text.to_owned() })
    }

    fn read(text: &str) -> Option<Self> {
        let (next, last) = text.split_once(' ')?;
        let last = match last {
            "-" => None,
            id => Some(EventId(Uuid::parse_str(id).ok()?)),
        };
        Some(Self { next: next.parse().ok()?, last })
    }
}
