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

struct Bytes<'a>(&'a [Recorded<AnyEvent>]);

struct PlacesOf<'a>(&'a [u8]);

/// The bytes that the view of these events holds; `None` is a tombstone.
pub(super) fn refold(projection: Projection, events: &[Recorded<AnyEvent>]) -> Result<Option<Vec<u8>>, Unfoldable> {
    ask(projection, Bytes(events))
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

impl Question for Bytes<'_> {
    type Answer = Result<Option<Vec<u8>>, Unfoldable>;

    fn of<V: View>(self) -> Self::Answer {
        let mut view = None;
        for recorded in self.0 {
            // What is of another aggregate is no event of this stream.
            let Some(event) = V::Event::from_any(recorded.event.clone()) else { continue };
            view = V::apply(view, &recorded.clone().map(|_| event))?;
        }
        Ok(view.map(|view| serde_json::to_vec(&view).unwrap_or_default()))
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
