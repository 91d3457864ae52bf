//! What the Function promises, in plain Rust.

use std::collections::{BTreeMap, BTreeSet};

use read_model::{Applied, Batch, Position, Source};
use schemas::{EventId, StreamId, Version};

/// All that one generation of a projection holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) positions: BTreeMap<Source, Position>,
    pub(crate) documents: BTreeMap<StreamId, (Version, EventId, Option<Vec<u8>>)>,
    pub(crate) lists: BTreeMap<String, BTreeMap<StreamId, i64>>,
    pub(crate) gaps: BTreeMap<StreamId, Version>,
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
        if batch.writes.iter().any(|write| self.version(&write.stream) != write.from) {
            return Applied::StaleDocuments;
        }
        for write in &batch.writes {
            self.documents.insert(write.stream.clone(), (write.to, write.last_event, write.body.clone()));
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
        for gap in &batch.gaps {
            let highest = self.gaps.entry(gap.stream.clone()).or_default();
            *highest = gap.highest.max(*highest);
        }
        self.positions.insert(batch.source.clone(), batch.next);
        Applied::Done
    }
}
