//! Writing: a partition's batch goes to the feeds of its owners in one call.

use std::collections::HashMap;

use redis::{Cmd, Value};
use schemas::{EventId, Position, StreamId, Timestamp, UserId, Version};

use super::{GAPS, MOST_ENTRIES, PARKED, POSITIONS, VERSIONS, WINDOW, bell_channel, entries_key, head_key};
use crate::library::FEEDS;
use crate::{Error, ReadModel, Source, position, trails};

/// The events between two positions of one partition, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Where the records are from.
    pub source: Source,
    /// The position that must be stored, or nothing is written.
    pub base: Position,
    /// The position to store with the events.
    pub next: Position,
    /// The time by which an event is too old for a feed.
    pub now: Timestamp,
    /// The events; more than 100 keep Redis from answering others for milliseconds.
    pub events: Vec<Event>,
}

/// An event on its way into a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// Its place there.
    pub version: Version,
    /// Its identity, which the feed's digest is chained over.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// Whose feed it enters; without an owner only the stream's version moves.
    pub owner: Option<UserId>,
    /// The record's name: `OrderPlaced`.
    pub name: String,
    /// What the seed applications call it.
    pub seed_type: Option<String>,
    /// Its offset in the partition.
    pub offset: i64,
    /// The content as JSON.
    pub data: String,
    /// The W3C trace context of what follows from the feeding, if its trace is recorded.
    pub trace: Option<String>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the feeds, and its position is stored.
    Done(Counts),
    /// Another position was stored than the batch was based on; nothing was written. Go on from this one.
    Refused {
        /// The stored position.
        stored: Position,
    },
}

/// What a batch's events turned out to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// They entered a feed.
    pub appended: u64,
    /// Their version was known already.
    pub duplicates: u64,
    /// They were too old, or nobody's: only the stream's version moved.
    pub unfed: u64,
    /// A version before them is missing, or their stream is parked: noted, and left out until that version comes.
    pub gaps: u64,
}

impl ReadModel {
    /// The stored position of the feeds in this partition: where to go on reading.
    pub async fn feeds_position(&self, source: &Source) -> Result<Position, Error> {
        let mut command = redis::cmd("HGET");
        command.arg(POSITIONS).arg(source.to_string());
        let stored: Option<String> = self.connections.read("asking for the feeds' position", &command).await?;
        position::stored(source, stored.as_deref())
    }

    /// Appends a batch, all or nothing; with no events it only moves the position.
    ///
    /// Repeating a call is harmless: a batch that was applied, its answer lost, is [`Appended::Refused`] with
    /// the position that it was to reach.
    pub async fn append_feeds(&self, batch: &Batch) -> Result<Appended, Error> {
        let answer: Value = self.connections.call("appending to the feeds", &call(batch)).await?;
        let counts = redis::from_redis_value::<(u8, u64, u64, u64, u64)>(answer.clone());
        if let Ok((1, appended, duplicates, unfed, gaps)) = counts {
            return Ok(Appended::Done(Counts { appended, duplicates, unfed, gaps }));
        }
        match redis::from_redis_value::<(u8, String)>(answer) {
            Ok((0, stored)) => {
                position::stored(&batch.source, Some(&stored)).map(|stored| Appended::Refused { stored })
            }
            answer => {
                Err(Error::Corrupt { key: "the answer of feeds_append".to_owned(), found: format!("{answer:?}") })
            }
        }
    }
}

/// The call; its layout is written down in `feeds.lua`.
fn call(batch: &Batch) -> Cmd {
    let (owners, numbers) = owners(&batch.events);
    let mut keys = vec![POSITIONS.to_owned(), VERSIONS.to_owned(), GAPS.to_owned(), PARKED.to_owned()];
    keys.extend(owners.iter().flat_map(|owner| [entries_key(owner), head_key(owner)]));

    let mut call = FEEDS.call("feeds_append", &keys);
    let Batch { source, base, next, now, events } = batch;
    call.arg(source.to_string()).arg(base.to_string()).arg(next.to_string());
    call.arg(now.as_micros()).arg(WINDOW.as_micros().to_string()).arg(MOST_ENTRIES);
    call.arg(&*source.topic).arg(source.partition).arg(trails::OF_FEEDS);
    for owner in owners {
        call.arg(bell_channel(owner));
    }
    for event in events {
        let owner = event.owner.as_ref().and_then(|owner| numbers.get(owner)).copied().unwrap_or_default();
        call.arg(event.stream.as_str()).arg(event.version.0).arg(event.id.to_string()).arg(event.at.as_micros());
        call.arg(owner).arg(&event.name).arg(event.seed_type.as_deref().unwrap_or_default());
        call.arg(event.offset).arg(&event.data).arg(event.trace.as_deref().unwrap_or_default());
    }
    call
}

/// The owners of these events, each once, and their numbers, from 1.
fn owners(events: &[Event]) -> (Vec<&UserId>, HashMap<&UserId, usize>) {
    let (mut order, mut numbers) = (Vec::new(), HashMap::new());
    for owner in events.iter().filter_map(|event| event.owner.as_ref()) {
        numbers.entry(owner).or_insert_with(|| {
            order.push(owner);
            order.len()
        });
    }
    (order, numbers)
}
