//! What a stream's events come to, by the same pure folds that projectors use.

use schemas::{AnyEvent, Event as _, Recorded};
use views::{
    FulfilmentView, HistoryView, OrderView, PaymentView, ProductView, Projection, StockView, Unfoldable, UserView, View,
};

/// The bytes that the view of these events holds; `None` is a tombstone.
pub(super) fn refold(projection: Projection, events: &[Recorded<AnyEvent>]) -> Result<Option<Vec<u8>>, Unfoldable> {
    match projection {
        Projection::Orders => of::<OrderView>(events),
        Projection::History => of::<HistoryView>(events),
        Projection::Products => of::<ProductView>(events),
        Projection::Stock => of::<StockView>(events),
        Projection::Payments => of::<PaymentView>(events),
        Projection::Fulfilment => of::<FulfilmentView>(events),
        Projection::Users => of::<UserView>(events),
    }
}

fn of<V: View>(events: &[Recorded<AnyEvent>]) -> Result<Option<Vec<u8>>, Unfoldable> {
    let mut view = None;
    for recorded in events {
        // What is of another aggregate is no event of this stream.
        let Some(event) = V::Event::from_any(recorded.event.clone()) else { continue };
        view = V::apply(view, &recorded.clone().map(|_| event))?;
    }
    Ok(view.map(|view| serde_json::to_vec(&view).unwrap_or_default()))
}
