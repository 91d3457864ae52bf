//! Passing over a record that gives no event: its stream waits, the feeds of its partition go on.

use redis::Value;
use schemas::{Position, StreamId, Version};

use super::{GAPS, PARKED, POSITIONS, VERSIONS};
use crate::library::FEEDS;
use crate::{Error, MAX_PARKED, ParkingEntry, ReadModel, Source, position};

/// A record that gives no event, and the stream that its key names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poison {
    /// Where the record is from.
    pub source: Source,
    /// The position that must be stored, or nothing is written: the record's.
    pub base: Position,
    /// The position behind the record.
    pub next: Position,
    /// The stream.
    pub stream: StreamId,
    /// What is wrong with the record.
    pub entry: ParkingEntry,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// Its stream is parked from now on.
    Parked,
    /// Its stream is parked already, or lacks a version before it, or has had its version.
    Over,
    /// Another position was stored than it was based on; nothing was written. Go on from this one.
    Refused {
        /// The stored position.
        stored: Position,
    },
    /// More than [`MAX_PARKED`] streams would be parked; nothing was written.
    Full {
        /// How many are parked.
        parked: usize,
    },
}

impl ReadModel {
    /// Passes over a record that gives no event. Repeating a call is harmless, as with [`Self::append_feeds`].
    pub async fn park_feeds(&self, poison: &Poison) -> Result<Passed, Error> {
        let Poison { source, base, next, stream, entry } = poison;
        let mut call = FEEDS.call("feeds_park", &[POSITIONS, VERSIONS, GAPS, PARKED].map(str::to_owned));
        call.arg(source.to_string()).arg(base.to_string()).arg(next.to_string());
        call.arg(stream.as_str()).arg(entry.version.unwrap_or(Version::NONE).0);
        call.arg(entry.to_json()).arg(MAX_PARKED);
        let answer: Value = self.connections.call("parking a stream of the feeds", &call).await?;
        match redis::from_redis_value::<(u8, usize)>(answer.clone()) {
            Ok((1, 1)) => return Ok(Passed::Parked),
            Ok((1, _)) => return Ok(Passed::Over),
            Ok((2, parked)) => return Ok(Passed::Full { parked }),
            Ok(_) | Err(_) => {}
        }
        match redis::from_redis_value::<(u8, String)>(answer) {
            Ok((0, stored)) => position::stored(source, Some(&stored)).map(|stored| Passed::Refused { stored }),
            answer => Err(Error::Corrupt { key: "the answer of feeds_park".to_owned(), found: format!("{answer:?}") }),
        }
    }
}
