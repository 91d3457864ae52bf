//! What a stream's events come to, by the same pure folds that projectors use, and where that is to be found.

use std::collections::BTreeMap;

use read_model::Place;
use schemas::{AnyEvent, Event as _, Recorded};
use views::{Projection, Unfoldable, View};

/// The fold of one stream's events.
pub(super) trait Fold: Send {
    /// One more event.
    fn take(&mut self, recorded: Recorded<AnyEvent>);
    /// Whether the view of all of them holds these bytes; a tombstone holds none.
    fn holds(&self, body: Option<&[u8]>) -> bool;
}

/// What the view is so far, or why there is none.
struct Folded<V>(Result<Option<V>, Unfoldable>);

/// The fold of no event yet.
pub(super) fn begin(projection: Projection) -> Box<dyn Fold> {
    views::with_view!(projection, V => Box::new(Folded::<V>(Ok(None))))
}

/// Where a document with these bytes is to be found, each place with its score; `None`, if they are no view's.
pub(super) fn places(projection: Projection, body: &[u8]) -> Option<BTreeMap<Place, i64>> {
    views::with_view!(projection, V => serde_json::from_slice::<V>(body).ok().map(|view| places_of(&view)))
}

fn places_of(view: &impl View) -> BTreeMap<Place, i64> {
    let lists = view.lists().into_iter().map(|entry| (Place { list: entry.list, text: None }, entry.score));
    let texts = view.texts().into_iter().map(|entry| (Place { list: entry.index, text: Some(entry.text) }, 0));
    lists.chain(texts).collect()
}

impl<V: View> Fold for Folded<V> {
    fn take(&mut self, recorded: Recorded<AnyEvent>) {
        // What is of another aggregate is no event of this stream.
        let Some(event) = V::Event::from_any(recorded.event.clone()) else { return };
        let Ok(view) = &mut self.0 else { return };
        self.0 = V::apply(view.take(), &recorded.map(|_| event));
    }

    fn holds(&self, body: Option<&[u8]>) -> bool {
        let bytes = |view: &V| serde_json::to_vec(view).unwrap_or_default();
        self.0.as_ref().is_ok_and(|view| view.as_ref().map(bytes).as_deref() == body)
    }
}
