//! The feeds as plain Rust: what `feeds.lua` must do, written down a second time.

use std::collections::{BTreeMap, HashMap};

use aws_lc_rs::digest;
use read_model::feeds::{Appended, Batch, Counts, Cursor, Entry, MOST_ENTRIES, Read, WINDOW};
use read_model::{Position, Source};
use schemas::{StreamId, UserId};

#[derive(Debug, Default)]
pub(super) struct Model {
    positions: HashMap<Source, Position>,
    pub(super) versions: BTreeMap<StreamId, u32>,
    /// The highest version seen of streams of which one is missing.
    pub(super) gaps: BTreeMap<StreamId, u32>,
    feeds: HashMap<UserId, Feed>,
    /// Every cursor that a feed ever had.
    pub(super) cursors: Vec<(UserId, Cursor)>,
}

#[derive(Debug, Default)]
struct Feed {
    head: Option<Cursor>,
    entries: Vec<Entry>,
}

impl Model {
    pub(super) fn position(&self, source: &Source) -> Position {
        self.positions.get(source).copied().unwrap_or_default()
    }

    pub(super) fn version(&self, stream: &StreamId) -> u32 {
        self.versions.get(stream).copied().unwrap_or_default()
    }

    pub(super) fn head(&self, user: &UserId) -> Cursor {
        self.feeds.get(user).and_then(|feed| feed.head).unwrap_or(Cursor::START)
    }

    pub(super) fn read(&self, user: &UserId, after: Cursor, count: usize) -> Read {
        let head = self.head(user);
        let entries = self.feeds.get(user).map(|feed| feed.entries.as_slice()).unwrap_or_default();
        // The place before each entry, and the one behind the last.
        let places = entries.iter().map(|entry| self.before(user, entry.cursor)).chain([head]);
        match places.into_iter().position(|place| place == after) {
            Some(place) => Read::Known(entries[place..].iter().take(count).cloned().collect()),
            None => Read::Unknown { head },
        }
    }

    /// The cursor that this user's feed had before it had this one.
    fn before(&self, user: &UserId, cursor: Cursor) -> Cursor {
        let mut past = self.cursors.iter().filter(|(owner, _)| owner == user).map(|(_, cursor)| *cursor);
        past.find(|past| past.seq + 1 == cursor.seq).unwrap_or(Cursor::START)
    }

    pub(super) fn append(&mut self, batch: &Batch) -> Appended {
        let stored = self.position(&batch.source);
        if stored != batch.base {
            return Appended::Refused { stored };
        }
        let oldest = batch.now.as_micros() - i64::try_from(WINDOW.as_micros()).unwrap();
        let mut counts = Counts::default();
        let mut grown = Vec::new();
        for event in &batch.events {
            let version = self.version(&event.stream);
            if event.version.0 <= version {
                counts.duplicates += 1;
            } else if event.version.0 > version + 1 {
                counts.gaps += 1;
                let highest = self.gaps.entry(event.stream.clone()).or_default();
                *highest = event.version.0.max(*highest);
            } else {
                self.versions.insert(event.stream.clone(), event.version.0);
                match &event.owner {
                    Some(owner) if event.at.as_micros() >= oldest => {
                        counts.appended += 1;
                        self.enter(owner, batch, event);
                        grown.push(owner.clone());
                    }
                    _ => counts.unfed += 1,
                }
            }
        }
        let versions = &self.versions;
        self.gaps.retain(|stream, highest| versions.get(stream).copied().unwrap_or_default() < *highest);
        for owner in grown {
            self.feeds.get_mut(&owner).unwrap().trim(oldest);
        }
        self.positions.insert(batch.source.clone(), batch.next);
        Appended::Done(counts)
    }

    fn enter(&mut self, owner: &UserId, batch: &Batch, event: &read_model::feeds::Event) {
        let feed = self.feeds.entry(owner.clone()).or_default();
        let head = feed.head.unwrap_or(Cursor::START);
        let chained =
            digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{}{}", head.digest(), event.id).as_bytes());
        let hex: String = chained.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let cursor = Cursor::new(head.seq + 1, &hex).unwrap();
        feed.head = Some(cursor);
        self.cursors.push((owner.clone(), cursor));
        feed.entries.push(Entry {
            cursor,
            stream: event.stream.clone(),
            version: event.version,
            name: event.name.clone(),
            seed_type: event.seed_type.clone(),
            at: event.at,
            topic: batch.source.topic.to_string(),
            partition: batch.source.partition,
            offset: event.offset,
            data: event.data.clone(),
        });
    }
}

impl Feed {
    fn trim(&mut self, oldest: i64) {
        let too_many = self.entries.len().saturating_sub(usize::try_from(MOST_ENTRIES).unwrap());
        self.entries.drain(..too_many);
        let young = self.entries.iter().position(|entry| entry.at.as_micros() >= oldest);
        self.entries.drain(..young.unwrap_or(self.entries.len()));
    }
}
