//! What the Function promises, in plain Rust.

use std::collections::{BTreeMap, BTreeSet};

use read_model::{Applied, Batch, Discarded, MAX_PARKED, Parked, ParkingEntry, Released, Source};
use schemas::{EventId, Position, StreamId, Version};

/// Version, last event and body.
pub(crate) type Document = (Version, Option<EventId>, Option<Vec<u8>>);

/// All that one generation of a projection holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) positions: BTreeMap<Source, Position>,
    pub(crate) documents: BTreeMap<StreamId, Document>,
    pub(crate) lists: BTreeMap<String, BTreeMap<StreamId, i64>>,
    pub(crate) gaps: BTreeMap<StreamId, Version>,
    pub(crate) parked: BTreeMap<StreamId, ParkingEntry>,
    pub(crate) discarded: Vec<Discarded>,
    /// Members of the indexes of texts.
    pub(crate) texts: BTreeMap<String, BTreeSet<(String, StreamId)>>,
    /// How many tombstones were left.
    pub(crate) purges: u64,
}

impl Model {
    pub(crate) fn position(&self, source: &Source) -> Position {
        self.positions.get(source).copied().unwrap_or_default()
    }

    pub(crate) fn version(&self, stream: &StreamId) -> Version {
        self.documents.get(stream).map_or(Version::NONE, |(version, ..)| *version)
    }

    pub(crate) fn apply(&mut self, batch: &Batch) -> Applied {
        let stored = self.position(&batch.source);
        if stored != batch.base {
            return Applied::Refused { stored };
        }
        if self.is_stale(batch) {
            return Applied::StaleDocuments;
        }
        let parks = &batch.parking.parks;
        if !parks.is_empty() && self.parked.len() + parks.len() > MAX_PARKED {
            return Applied::Full { parked: self.parked.len() };
        }
        for write in &batch.writes {
            self.documents.insert(write.stream.clone(), (write.to, Some(write.last_event), write.body.clone()));
            for (list, score) in &write.list_add {
                self.lists.entry(list.clone()).or_default().insert(write.stream.clone(), *score);
            }
            for list in &write.list_remove {
                self.lists.entry(list.clone()).or_default().remove(&write.stream);
            }
            for (index, text) in &write.text_remove {
                self.texts.entry(index.clone()).or_default().remove(&(text.clone(), write.stream.clone()));
            }
            for (index, text) in &write.text_add {
                self.texts.entry(index.clone()).or_default().insert((text.clone(), write.stream.clone()));
            }
            self.purges += u64::from(write.body.is_none());
            self.gaps.retain(|stream, highest| *stream != write.stream || *highest > write.to);
        }
        self.lists.retain(|_, members| !members.is_empty());
        self.texts.retain(|_, members| !members.is_empty());
        for gap in batch.gaps.iter().chain(&batch.parking.held) {
            self.note(&gap.stream, gap.highest);
        }
        for park in parks {
            self.parked.insert(park.stream.clone(), park.entry.clone());
        }
        self.positions.insert(batch.source.clone(), batch.next);
        Applied::Done
    }

    /// Whether the batch takes a document or a stream to be another than it is.
    fn is_stale(&self, batch: &Batch) -> bool {
        let (parks, held) = (&batch.parking.parks, &batch.parking.held);
        let folded = batch.writes.iter().map(|write| (&write.stream, write.from));
        let mut on = folded.chain(parks.iter().map(|park| (&park.stream, park.from)));
        let stale = on.any(|(stream, from)| self.version(stream) != from || self.parked.contains_key(stream));
        stale || held.iter().any(|held| !self.parked.contains_key(&held.stream))
    }

    fn note(&mut self, stream: &StreamId, highest: Version) {
        if highest > Version::NONE {
            let known = self.gaps.entry(stream.clone()).or_default();
            *known = highest.max(*known);
        }
    }

    /// The stream goes on; with a `Discarded`, without the version that its entry names, if that was the store's.
    pub(crate) fn release(&mut self, parked: &Parked, head: Version, discarded: Option<Discarded>) -> Released {
        let stream = &parked.stream;
        let version = self.version(stream);
        let skipped = discarded.as_ref().and_then(Discarded::version);
        if self.parked.get(stream) != Some(&parked.entry) || skipped.is_some_and(|skipped| skipped != version.next()) {
            return Released::Changed;
        }
        self.parked.remove(stream);
        if discarded.is_some() && skipped.is_none() {
            self.gaps.retain(|gap, _| gap != stream);
        }
        if let Some(skipped) = skipped {
            let body = self.documents.remove(stream).and_then(|(.., body)| body);
            self.documents.insert(stream.clone(), (skipped, parked.entry.event_id, body));
        }
        // The same record, discarded again after it was read again, is remembered once.
        if let Some(discarded) = discarded {
            let place = |one: &Discarded| (one.entry.source(), one.entry.offset);
            self.discarded.retain(|known| place(known) != place(&discarded));
            self.discarded.push(discarded);
        }
        let stored = skipped.unwrap_or(version);
        if head > stored {
            self.note(stream, head);
        } else {
            self.gaps.retain(|gap, highest| gap != stream || *highest > stored);
        }
        Released::Done { stored }
    }
}
