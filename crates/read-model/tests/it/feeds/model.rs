//! The feeds as plain Rust: what `feeds.lua` must do, written down a second time.

use std::collections::{BTreeMap, HashMap};

use aws_lc_rs::digest;
use read_model::feeds::{Appended, Batch, Counts, Cursor, Entry, MOST_ENTRIES, Passed, Poison, Read, WINDOW};
use read_model::{MAX_PARKED, Origin, Parked, ParkingEntry, Released, Source};
use schemas::{Position, StreamId, UserId, Version};

#[derive(Debug, Default)]
pub(super) struct Model {
    positions: HashMap<Source, Position>,
    pub(super) versions: BTreeMap<StreamId, u32>,
    /// The highest version seen of streams of which one is missing.
    pub(super) gaps: BTreeMap<StreamId, u32>,
    pub(super) parked: BTreeMap<StreamId, ParkingEntry>,
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
        let place = places.into_iter().position(|place| place == after);
        let whole = |page: &&[Entry]| {
            let begins = [after].into_iter().chain(page.iter().map(|entry| entry.cursor));
            let end = page.last().map_or(after, |entry| entry.cursor);
            page.iter().zip(begins).all(|(entry, begin)| self.before(user, entry.cursor) == begin)
                && (page.len() == count.max(1) || end == head)
        };
        let page = place.map(|place| &entries[place..entries.len().min(place + count.max(1))]);
        match page.filter(whole) {
            Some(page) => Read::Known(page.iter().take(count).cloned().collect()),
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
            } else if self.parked.contains_key(&event.stream) || event.version.0 > version + 1 {
                counts.gaps += 1;
                self.note(&event.stream, event.version.0);
            } else {
                self.versions.insert(event.stream.clone(), event.version.0);
                let is_kept = event.owner.is_some() && event.at.as_micros() >= oldest;
                *if is_kept { &mut counts.appended } else { &mut counts.unfed } += 1;
                if let Some(owner) = &event.owner {
                    self.enter(owner, batch, event, is_kept);
                    grown.push(owner.clone());
                }
            }
        }
        self.close_gaps();
        for owner in grown {
            self.feeds.get_mut(&owner).unwrap().trim(oldest);
        }
        self.positions.insert(batch.source.clone(), batch.next);
        Appended::Done(counts)
    }

    fn note(&mut self, stream: &StreamId, seen: u32) {
        let highest = self.gaps.entry(stream.clone()).or_default();
        *highest = seen.max(*highest);
    }

    fn close_gaps(&mut self) {
        let versions = &self.versions;
        self.gaps.retain(|stream, highest| versions.get(stream).copied().unwrap_or_default() < *highest);
    }

    pub(super) fn park(&mut self, poison: &Poison) -> Passed {
        let Poison { source, base, next, stream, entry } = poison;
        let stored = self.position(source);
        if stored != *base {
            return Passed::Refused { stored };
        }
        let version = self.version(stream);
        let told = entry.version.map(|version| version.0);
        let is_due = told.is_none_or(|told| told == version + 1) && !self.parked.contains_key(stream);
        if is_due && self.parked.len() == MAX_PARKED {
            return Passed::Full { parked: MAX_PARKED };
        }
        self.positions.insert(source.clone(), *next);
        if is_due {
            self.parked.insert(stream.clone(), entry.clone());
            return Passed::Parked;
        }
        told.into_iter().filter(|told| *told > version).for_each(|told| self.note(stream, told));
        Passed::Over
    }

    /// The stream goes on; without the version that its entry names, if that is discarded and was the store's.
    pub(super) fn release(&mut self, parked: &Parked, head: u32, discards: Option<Origin>) -> Released {
        let stream = &parked.stream;
        let version = self.version(stream);
        let skipped = discards.filter(|origin| *origin == Origin::Store).and(parked.entry.version);
        if self.parked.get(stream) != Some(&parked.entry) || skipped.is_some_and(|skipped| skipped.0 != version + 1) {
            return Released::Changed;
        }
        self.parked.remove(stream);
        if discards.is_some() && skipped.is_none() {
            self.gaps.retain(|gap, _| gap != stream);
        }
        if let Some(skipped) = skipped {
            self.versions.insert(stream.clone(), skipped.0);
        }
        self.note(stream, head);
        self.close_gaps();
        Released::Done { stored: Version(self.version(stream)) }
    }

    /// Without an entry, if it is not kept.
    fn enter(&mut self, owner: &UserId, batch: &Batch, event: &read_model::feeds::Event, is_kept: bool) {
        let feed = self.feeds.entry(owner.clone()).or_default();
        let head = feed.head.unwrap_or(Cursor::START);
        let chained =
            digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{}{}", head.digest(), event.id).as_bytes());
        let hex: String = chained.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let cursor = Cursor::new(head.seq + 1, &hex).unwrap();
        feed.head = Some(cursor);
        self.cursors.push((owner.clone(), cursor));
        if !is_kept {
            return;
        }
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
            trace: event.trace.clone(),
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
