//! Folding a batch of records into views: pure, from events and documents to what the read model is to write.

mod repair;

use std::collections::BTreeMap;

use read_model::{Cause, DocumentWrite, Gap, Sighting, Standing};
use schemas::{EventId, Recorded, StreamId, Timestamp, Version};
use views::{Listing, Text, View};

use crate::cache::Cache;
use crate::error::Stop;
use crate::read::{Read, Refusal};

/// A view as far as it was folded. The default is the view of a stream without events.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Folded<V> {
    /// The version that the read model has.
    stored: Version,
    version: Version,
    last_event: Option<EventId>,
    view: Option<V>,
    /// Nothing is applied to it until somebody has looked.
    parked: bool,
    /// What is stored is not one of this build's views.
    foreign_shape: Option<String>,
    /// The lists that the stored view stands in.
    lists: Vec<Listing>,
    /// The texts under which the stored view is found.
    texts: Vec<Text>,
    /// What is to be noted of the events that are not stored yet.
    sightings: Vec<Sighting>,
    /// It was made anew: whatever is stored of it may be wrong, lists and texts included.
    anew: bool,
}

impl<V> Default for Folded<V> {
    fn default() -> Self {
        Self {
            stored: Version::NONE,
            version: Version::NONE,
            last_event: None,
            view: None,
            parked: false,
            foreign_shape: None,
            lists: Vec::new(),
            texts: Vec::new(),
            sightings: Vec::new(),
            anew: false,
        }
    }
}

impl<V: View> Folded<V> {
    /// The view that is stored.
    pub(crate) fn of(standing: Standing) -> Self {
        let Standing { document, parked } = standing;
        let Some(read_model::Document { version, last_event, body }) = document else {
            return Self { parked, ..Self::default() };
        };
        let (view, foreign_shape) = match body.as_deref().map(serde_json::from_slice::<V>).transpose() {
            Ok(view) => (view, None),
            Err(error) => (None, Some(runtime::chain(&error))),
        };
        let lists = view.as_ref().map(View::lists).unwrap_or_default();
        let texts = view.as_ref().map(View::texts).unwrap_or_default();
        Self { stored: version, version, last_event, view, parked, foreign_shape, lists, texts, ..Self::default() }
    }

    /// Whether it is what is stored, and is to stay.
    pub(crate) fn is_untouched(&self) -> bool {
        self.version == self.stored && !self.anew
    }

    /// What must be written, given that something was applied. From here on that counts as stored.
    fn write(&mut self, stream: StreamId) -> Result<Option<DocumentWrite>, serde_json::Error> {
        let Some(last_event) = self.last_event else { return Ok(None) };
        let body = self.view.as_ref().map(serde_json::to_vec).transpose()?;
        let lists = self.view.as_ref().map(View::lists).unwrap_or_default();
        let before = std::mem::take(&mut self.lists);
        let texts = self.view.as_ref().map(View::texts).unwrap_or_default();
        let texts_before = std::mem::replace(&mut self.texts, texts);
        let anew = std::mem::take(&mut self.anew);
        let added = lists.iter().filter(|listing| anew || !before.contains(listing));
        let left = before.iter().filter(|old| lists.iter().all(|new| new.list != old.list));
        let write = DocumentWrite {
            stream,
            from: self.stored,
            to: self.version,
            last_event,
            body,
            list_add: added.map(|listing| (listing.list.clone(), listing.score)).collect(),
            list_remove: left.map(|listing| listing.list.clone()).collect(),
            text_add: only_in(&self.texts, if anew { &[] } else { &texts_before }),
            text_remove: only_in(&texts_before, &self.texts),
            sightings: std::mem::take(&mut self.sightings),
        };
        self.stored = self.version;
        self.lists = lists;
        Ok(Some(write))
    }
}

/// The texts of one view that another one does not have, each with its index.
fn only_in(texts: &[Text], others: &[Text]) -> Vec<(String, String)> {
    let missing = texts.iter().filter(|text| !others.contains(text));
    missing.map(|text| (text.index.clone(), text.text.clone())).collect()
}

/// The effect of a batch.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Effect {
    pub(crate) writes: Vec<DocumentWrite>,
    pub(crate) gaps: Vec<Gap>,
    /// The streams that do not go on, from now on.
    pub(crate) barred: Vec<Barred>,
    /// The streams that did not go on before, and of which more came.
    pub(crate) held: Vec<Gap>,
    /// The streams whose documents were made anew; one that was not there is made like any other.
    pub(crate) repaired: Vec<StreamId>,
    pub(crate) counts: Counts,
}

/// What became of the records that were not applied by and by, and how many were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) applied: u64,
    pub(crate) duplicates: u64,
    pub(crate) behind_gap: u64,
    pub(crate) behind_parked: u64,
}

/// A stream that does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Barred {
    /// The place of the record that it cannot take.
    pub(crate) at: usize,
    /// The stored version of its document.
    pub(crate) from: Version,
    pub(crate) refusal: Refusal,
}

/// A record stopped the fold.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// How many records before it were fine.
    pub(crate) at: usize,
    pub(crate) why: Why,
}

#[derive(Debug)]
pub(crate) enum Why {
    /// Its event cannot be applied: fold again, with this refusal in its place.
    Refused(Refusal),
    /// Nothing behind it may be applied.
    Stop(Stop),
}

/// What was found out about records, by their place in the batch.
pub(crate) type Refusals = BTreeMap<usize, Refusal>;

/// Folds records, in their order, onto what the cache holds; a stream that it does not hold counts as one without
/// events. Each event is applied if it is the next version and ignored if it is not newer. It is noted as a gap if a version
/// before it is missing, if its stream is parked, or if its document is in repair and does not take it. Any other record
/// that is refused bars its stream, if it is the next version or tells none. The cache then holds the views as if the
/// effect was stored: clear it if it is not. On an error the cache is empty.
pub(crate) fn fold<V: View>(
    cache: &mut Cache<V>,
    records: &[Read<V::Event>],
    refused: &Refusals,
) -> Result<Effect, Stopped> {
    let (gaps, held) = (BTreeMap::new(), BTreeMap::new());
    let mut fold = Fold { cache, refused, changed: Vec::new(), gaps, held, effect: Effect::default() };
    for (at, record) in records.iter().enumerate() {
        if let Err(why) = fold.take(at, record) {
            fold.cache.clear();
            return Err(Stopped { at, why });
        }
    }
    fold.finish(records)
}

struct Fold<'a, V> {
    cache: &'a mut Cache<V>,
    refused: &'a Refusals,
    /// Each stream that changed, with the place of its first record that did it.
    changed: Vec<(StreamId, usize)>,
    gaps: BTreeMap<StreamId, Version>,
    held: BTreeMap<StreamId, Version>,
    effect: Effect,
}

impl<V: View> Fold<'_, V> {
    fn take(&mut self, at: usize, record: &Read<V::Event>) -> Result<(), Why> {
        let (stream, version) = (record.stream(), record.version());
        let barred = self.effect.barred.iter().any(|barred| barred.refusal.stream == *stream);
        if self.cache.is_in_repair(stream) && !barred {
            self.make_anew(at, record);
        }
        let document = self.cache.document(stream);
        if version.is_some_and(|version| version <= document.version) {
            self.effect.counts.duplicates += 1;
            return same_history(document, record);
        }
        if document.parked {
            self.effect.counts.behind_parked += 1;
            note(&mut self.held, stream, version.unwrap_or(Version::NONE));
            return Ok(());
        }
        if barred || version.is_some_and(|version| version > document.version.next()) {
            self.pass(stream, version);
            return Ok(());
        }
        let from = document.stored;
        match (record, self.refused.get(&at)) {
            (Read::Event { recorded, written, .. }, None) => self.apply((at, record), recorded, *written),
            // It may be the document that is wrong. The event comes once more, behind all those that make it anew.
            (Read::Event { .. }, Some(_)) if self.cache.is_in_repair(stream) => {
                self.pass(stream, version);
                Ok(())
            }
            (Read::Event { .. }, Some(refusal)) | (Read::Refused(refusal), _) => {
                self.effect.barred.push(Barred { at, from, refusal: refusal.clone() });
                Ok(())
            }
        }
    }

    /// Notes that a version was seen and not applied.
    fn pass(&mut self, stream: &StreamId, version: Option<Version>) {
        self.effect.counts.behind_gap += 1;
        version.into_iter().for_each(|version| note(&mut self.gaps, stream, version));
    }

    /// Applies the next version.
    fn apply(
        &mut self,
        (at, record): (usize, &Read<V::Event>),
        recorded: &Recorded<V::Event>,
        written: Option<Timestamp>,
    ) -> Result<(), Why> {
        let document = self.cache.document(&recorded.stream);
        if let Some(reason) = &document.foreign_shape {
            let reason = format!("the stored view is not one of this build's: {reason}");
            return Err(Why::Refused(record.refused(Cause::Shape, reason)));
        }
        if document.is_untouched() {
            self.changed.push((recorded.stream.clone(), at));
        }
        document.view = V::apply(document.view.take(), recorded)
            .map_err(|error| Why::Refused(record.refused(Cause::Unfoldable, runtime::chain(&error))))?;
        document.version = recorded.version;
        document.last_event = Some(recorded.id);
        let note = V::PROJECTION.noted().note(recorded, written);
        document.sightings.extend(note.map(|note| Sighting { version: recorded.version, note }));
        self.effect.counts.applied += 1;
        Ok(())
    }

    fn finish(self, records: &[Read<V::Event>]) -> Result<Effect, Stopped> {
        let Self { cache, changed, gaps, held, mut effect, .. } = self;
        for (stream, highest) in gaps {
            if highest > cache.document(&stream).version {
                effect.gaps.push(Gap { stream, highest });
            }
        }
        effect.held = held.into_iter().map(|(stream, highest)| Gap { stream, highest }).collect();
        for barred in &effect.barred {
            cache.document(&barred.refusal.stream).parked = true;
        }
        for (stream, at) in changed {
            match (cache.document(&stream.clone()).write(stream), records.get(at)) {
                (Err(error), Some(record)) => {
                    cache.clear();
                    let reason = format!("the view cannot be written as JSON: {}", runtime::chain(&error));
                    return Err(Stopped { at, why: Why::Refused(record.refused(Cause::Unwritable, reason)) });
                }
                (write, _) => effect.writes.extend(write.ok().flatten()),
            }
        }
        Ok(effect)
    }
}

/// Remembers the highest version of a stream that was seen.
fn note(seen: &mut BTreeMap<StreamId, Version>, stream: &StreamId, version: Version) {
    let highest = seen.entry(stream.clone()).or_default();
    *highest = version.max(*highest);
}

/// An event whose version was applied already must be the one that was applied, as far as we can tell. A record that
/// gives no event tells nothing.
fn same_history<V, E>(document: &Folded<V>, record: &Read<E>) -> Result<(), Why> {
    let Read::Event { offset, recorded, .. } = record else { return Ok(()) };
    let Recorded { version, id: found, stream, .. } = recorded;
    match document.last_event {
        Some(applied) if *version == document.version && applied != *found => Err(Why::Stop(Stop::Diverged {
            offset: *offset,
            stream: stream.clone(),
            version: *version,
            applied,
            found: *found,
        })),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
