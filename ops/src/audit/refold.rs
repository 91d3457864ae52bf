//! What a stream's events come to, by the same pure folds that projectors use, and where that is to be found.

use std::collections::BTreeMap;

use read_model::Place;
use schemas::{AnyEvent, Event as _, Recorded};
use views::{
    FulfilmentView, HistoryView, OrderView, PaymentView, ProductView, Projection, StockView, Unfoldable, UserView, View,
};

/// What is asked of any kind of view.
trait Question {
    type Answer;

    fn of<V: View>(self) -> Self::Answer;
}

struct Begin;

struct PlacesOf<'a>(&'a [u8]);

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
    ask(projection, Begin)
}

/// Where a document with these bytes is to be found, each place with its score; `None`, if they are no view's.
pub(super) fn places(projection: Projection, body: &[u8]) -> Option<BTreeMap<Place, i64>> {
    ask(projection, PlacesOf(body))
}

fn ask<Q: Question>(projection: Projection, question: Q) -> Q::Answer {
    match projection {
        Projection::Orders => question.of::<OrderView>(),
        Projection::History => question.of::<HistoryView>(),
        Projection::Products => question.of::<ProductView>(),
        Projection::Stock => question.of::<StockView>(),
        Projection::Payments => question.of::<PaymentView>(),
        Projection::Fulfilment => question.of::<FulfilmentView>(),
        Projection::Users => question.of::<UserView>(),
    }
}

impl Question for Begin {
    type Answer = Box<dyn Fold>;

    fn of<V: View>(self) -> Self::Answer {
        Box::new(Folded::<V>(Ok(None)))
    }
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

impl Question for PlacesOf<'_> {
    type Answer = Option<BTreeMap<Place, i64>>;

    fn of<V: View>(self) -> Self::Answer {
        let view = serde_json::from_slice::<V>(self.0).ok()?;
        let lists = view.lists().into_iter().map(|entry| (Place { list: entry.list, text: None }, entry.score));
        let texts = view.texts().into_iter().map(|entry| (Place { list: entry.index, text: Some(entry.text) }, 0));
        Some(lists.chain(texts).collect())
    }
}
