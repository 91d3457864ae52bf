//! The views that one partition's worker folded lately, so that most batches read nothing from Redis.

use std::collections::{BTreeSet, HashMap};

use read_model::{Place, Places};
use schemas::StreamId;

use crate::fold::Folded;

/// How many views are kept at least before old ones are forgotten; at most twice as many, and a batch.
const KEPT: usize = 512;

/// Views by stream, of two ages: those used since the last turn, and those used before. Valid only as long as every
/// effect that was folded on it was stored; cleared otherwise.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    recent: HashMap<StreamId, Folded<V>>,
    older: HashMap<StreamId, Folded<V>>,
    /// The streams whose documents are to be made anew, each with the places where it is to be found no more; kept when
    /// the rest is cleared.
    repairs: Places,
    /// What these come to, as far as their events have come by again.
    anew: HashMap<StreamId, Folded<V>>,
}

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self { recent: HashMap::new(), older: HashMap::new(), repairs: Places::new(), anew: HashMap::new() }
    }
}

impl<V> Cache<V> {
    /// The view of a stream, empty if it is not here.
    pub(crate) fn document(&mut self, stream: &StreamId) -> &mut Folded<V> {
        let Self { recent, older, .. } = self;
        recent.entry(stream.clone()).or_insert_with(|| older.remove(stream).unwrap_or_default())
    }

    pub(crate) fn contains(&self, stream: &StreamId) -> bool {
        self.recent.contains_key(stream) || self.older.contains_key(stream)
    }

    pub(crate) fn insert(&mut self, stream: StreamId, folded: Folded<V>) {
        self.recent.insert(stream, folded);
    }

    /// Between batches: forgets what was not used lately, if there is much.
    pub(crate) fn turn(&mut self) {
        if self.recent.len() >= KEPT {
            self.older = std::mem::take(&mut self.recent);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.recent.clear();
        self.older.clear();
        self.anew.clear();
    }

    /// The documents that are to be made anew, from now on. What is asked for first now may be stored otherwise than it
    /// is here, so it is forgotten.
    pub(crate) fn repair(&mut self, repairs: Places) {
        for stream in repairs.keys().filter(|stream| !self.repairs.contains_key(stream)) {
            self.recent.remove(stream);
            self.older.remove(stream);
        }
        self.anew.retain(|stream, _| repairs.contains_key(stream));
        self.repairs = repairs;
    }

    pub(crate) fn is_in_repair(&self, stream: &StreamId) -> bool {
        self.repairs.contains_key(stream)
    }

    /// Where a stream in repair is found and should not be.
    pub(crate) fn strays(&self, stream: &StreamId) -> BTreeSet<Place> {
        self.repairs.get(stream).cloned().unwrap_or_default()
    }

    /// What a stream in repair has come to so far; `None` before its first event came by. It is here no more.
    pub(crate) fn take_anew(&mut self, stream: &StreamId) -> Option<Folded<V>> {
        self.anew.remove(stream)
    }

    pub(crate) fn put_anew(&mut self, stream: StreamId, folded: Folded<V>) {
        self.anew.insert(stream, folded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_two_turns_is_forgotten() {
        let mut cache = Cache::<()>::default();
        let stream =
            |number: usize| schemas::OrderId::from_bits(u128::try_from(number).unwrap_or_default()).stream().clone();
        for number in 0..KEPT {
            cache.insert(stream(number), Folded::default());
        }
        cache.turn();
        cache.document(&stream(0));
        for number in KEPT..2 * KEPT {
            cache.insert(stream(number), Folded::default());
        }
        cache.turn();
        assert!(cache.contains(&stream(0)), "used in between");
        assert!(!cache.contains(&stream(1)), "not used in between");
    }
}
