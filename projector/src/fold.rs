//! Folding a batch of events into views: pure, from events and documents to what the read model is to write.

use std::collections::BTreeMap;

use read_model::{DocumentWrite, Gap};
use schemas::{Event, EventId, Recorded, StreamId, Version};
use views::{Listing, Text, View};

use crate::cache::Cache;
use crate::error::Stop;

/// An event and the offset of its record.
#[derive(Debug, Clone)]
pub(crate) struct Read<E> {
    pub(crate) offset: i64,
    pub(crate) recorded: Recorded<E>,
}

/// A view as far as it was folded. The default is the view of a stream without events.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Folded<V> {
    /// The version that the read model has.
    stored: Version,
    version: Version,
    last_event: Option<EventId>,
    view: Option<V>,
    /// The lists that the stored view stands in.
    lists: Vec<Listing>,
    /// The texts under which the stored view is found.
    texts: Vec<Text>,
}

impl<V> Default for Folded<V> {
    fn default() -> Self {
        let (lists, texts) = (Vec::new(), Vec::new());
        Self { stored: Version::NONE, version: Version::NONE, last_event: None, view: None, lists, texts }
    }
}

impl<V: View> Folded<V> {
    /// The view that a stored document holds.
    pub(crate) fn stored(stream: &StreamId, document: read_model::Document) -> Result<Self, Stop> {
        let read_model::Document { version, last_event, body } = document;
        let view = body.as_deref().map(serde_json::from_slice::<V>).transpose();
        let view = view.map_err(|source| Stop::ForeignShape { stream: stream.clone(), source })?;
        let lists = view.as_ref().map(View::lists).unwrap_or_default();
        let texts = view.as_ref().map(View::texts).unwrap_or_default();
        Ok(Self { stored: version, version, last_event: Some(last_event), view, lists, texts })
    }

    /// What must be written, given that something was applied. From here on that counts as stored.
    fn write(&mut self, stream: StreamId) -> Result<Option<DocumentWrite>, Stop> {
        let Some(last_event) = self.last_event else { return Ok(None) };
        let body = self.view.as_ref().map(serde_json::to_vec).transpose();
        let body = body.map_err(|source| Stop::Encode { stream: stream.clone(), source })?;
        let lists = self.view.as_ref().map(View::lists).unwrap_or_default();
        let before = std::mem::take(&mut self.lists);
        let texts = self.view.as_ref().map(View::texts).unwrap_or_default();
        let texts_before = std::mem::replace(&mut self.texts, texts);
        let added = lists.iter().filter(|listing| !before.contains(listing));
        let left = before.iter().filter(|old| lists.iter().all(|new| new.list != old.list));
        let write = DocumentWrite {
            stream,
            from: self.stored,
            to: self.version,
            last_event,
            body,
            list_add: added.map(|listing| (listing.list.clone(), listing.score)).collect(),
            list_remove: left.map(|listing| listing.list.clone()).collect(),
            text_add: only_in(&self.texts, &texts_before),
            text_remove: only_in(&texts_before, &self.texts),
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
    pub(crate) applied: u64,
    pub(crate) duplicates: u64,
    pub(crate) behind_gap: u64,
}

/// An event stopped the fold.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// How many events before it were fine.
    pub(crate) at: usize,
    pub(crate) stop: Stop,
}

/// Folds events, in the order of their records, onto what the cache holds; a stream that it does not hold counts as
/// one without events. Each event is applied if it is the next version, ignored if it is not newer, noted as a gap if
/// a version before it is missing. The cache then holds the views as if the effect was stored: clear it if it is not.
/// On an error the cache is empty.
pub(crate) fn fold<V: View>(cache: &mut Cache<V>, events: &[Read<V::Event>]) -> Result<Effect, Stopped> {
    let mut fold = Fold { cache, changed: Vec::new(), gaps: BTreeMap::new(), effect: Effect::default() };
    for (at, event) in events.iter().enumerate() {
        if let Err(stop) = fold.take(event) {
            cache.clear();
            return Err(Stopped { at, stop });
        }
    }
    fold.finish().map_err(|stop| Stopped { at: 0, stop })
}

struct Fold<'a, V> {
    cache: &'a mut Cache<V>,
    changed: Vec<StreamId>,
    gaps: BTreeMap<StreamId, Version>,
    effect: Effect,
}

impl<V: View> Fold<'_, V> {
    fn take(&mut self, event: &Read<V::Event>) -> Result<(), Stop> {
        let Read { offset, recorded } = event;
        let document = self.cache.document(&recorded.stream);
        if recorded.version <= document.version {
            self.effect.duplicates += 1;
            return same_history(document, *offset, recorded);
        }
        if recorded.version > document.version.next() {
            let highest = self.gaps.entry(recorded.stream.clone()).or_default();
            *highest = recorded.version.max(*highest);
            self.effect.behind_gap += 1;
            return Ok(());
        }
        let unfoldable = |source| Stop::Unfoldable {
            offset: *offset,
            stream: recorded.stream.clone(),
            version: recorded.version,
            source,
        };
        if document.version == document.stored {
            self.changed.push(recorded.stream.clone());
        }
        document.view = V::apply(document.view.take(), recorded).map_err(unfoldable)?;
        document.version = recorded.version;
        document.last_event = Some(recorded.id);
        self.effect.applied += 1;
        Ok(())
    }

    fn finish(self) -> Result<Effect, Stop> {
        let Self { cache, changed, gaps, mut effect } = self;
        for (stream, highest) in gaps {
            if highest > cache.document(&stream).version {
                effect.gaps.push(Gap { stream, highest });
            }
        }
        for stream in changed {
            match cache.document(&stream.clone()).write(stream) {
                Ok(write) => effect.writes.extend(write),
                Err(stop) => {
                    cache.clear();
                    return Err(stop);
                }
            }
        }
        Ok(effect)
    }
}

/// An event whose version was applied already must be the one that was applied, as far as we can tell.
fn same_history<V, E: Event>(document: &Folded<V>, offset: i64, recorded: &Recorded<E>) -> Result<(), Stop> {
    let Recorded { version, id: found, stream, .. } = recorded;
    match document.last_event {
        Some(applied) if *version == document.version && applied != *found => {
            Err(Stop::Diverged { offset, stream: stream.clone(), version: *version, applied, found: *found })
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
