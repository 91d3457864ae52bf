//! How far a projection is: for each partition of a topic one position, kept beside the documents and moved with them.

use std::fmt;

use schemas::Position;

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

/// One field of a hash of positions: the source, and the next offset to read.
pub(crate) fn next(source: &str, stored: &str) -> Option<(Source, i64)> {
    let (next, _last) = stored.split_once(' ')?;
    Some((Source::parse(source)?, next.parse().ok()?))
}

/// A position as it is stored for this source; nothing stored is the default.
pub(crate) fn stored(source: &Source, text: Option<&str>) -> Result<Position, Error> {
    let Some(text) = text else { return Ok(Position::default()) };
    Position::parse(text)
        .ok_or_else(|| Error::Corrupt { key: format!("the position of {source}"), found: text.to_owned() })
}
