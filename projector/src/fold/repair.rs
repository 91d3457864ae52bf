//! Making a document anew from its stream's events: what is stored says a version, but does not show what the events up
//! to it come to.

use std::collections::BTreeSet;

use read_model::Place;
use schemas::{Recorded, Version};
use views::{Listing, Text, View};

use super::{Fold, Folded};
use crate::read::Read;

impl<V: View> Fold<'_, V> {
    /// Takes one more event of a stream in repair, beside its document. When the document's version is reached, what the
    /// events come to stands in its place, and the stream goes on from there as any other. What cannot be folded is left
    /// as it is, and so are a document of a parked stream, which takes nothing, and one of another event: that is a
    /// diverged history, and repairs nothing. Then the stream stays in repair.
    pub(super) fn make_anew(&mut self, at: usize, record: &Read<V::Event>) {
        let (Read::Event { recorded, .. }, None) = (record, self.refused.get(&at)) else { return };
        let so_far = self.cache.take_anew(&recorded.stream);
        let anew = match (so_far, recorded.version) {
            (_, Version::FIRST) => Folded::default(),
            (Some(anew), version) if anew.version.next() == version => anew,
            // It came by before, or something is to come by before it.
            (Some(anew), _) => return self.keep(recorded, anew),
            (None, _) => return,
        };
        let Folded { view, .. } = anew;
        let Ok(view) = V::apply(view, recorded) else { return };
        let (version, last_event) = (recorded.version, Some(recorded.id));
        let anew = Folded { view, version, last_event, ..Folded::default() };
        let strays = self.cache.strays(&recorded.stream);
        let document = self.cache.document(&recorded.stream);
        if version < document.version {
            return self.keep(recorded, anew);
        }
        let is_other = document.last_event.is_some_and(|event| event != recorded.id);
        if document.parked || is_other {
            return;
        }
        if document.version > Version::NONE {
            if document.is_untouched() {
                self.changed.push((recorded.stream.clone(), at));
            }
            document.replace_by(anew, strays);
        }
        self.effect.repaired.push(recorded.stream.clone());
    }

    fn keep(&mut self, recorded: &Recorded<V::Event>, anew: Folded<V>) {
        self.cache.put_anew(recorded.stream.clone(), anew);
    }
}

impl<V: View> Folded<V> {
    /// Shows from now on what its events come to. It may stand in lists where either of the two would, and it does in
    /// those where it was found astray.
    fn replace_by(&mut self, anew: Self, strays: BTreeSet<Place>) {
        let Self { view, version, last_event, .. } = anew;
        for Place { list, text } in strays {
            match text {
                Some(text) => self.texts.push(Text { index: list, text }),
                None => self.lists.push(Listing { list, score: 0 }),
            }
        }
        self.lists.extend(view.as_ref().map(View::lists).unwrap_or_default());
        self.texts.extend(view.as_ref().map(View::texts).unwrap_or_default());
        (self.view, self.version, self.last_event) = (view, version, last_event);
        self.foreign_shape = None;
        self.anew = true;
    }
}
