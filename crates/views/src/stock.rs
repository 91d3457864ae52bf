//! The stock of one SKU.

use schemas::{Event as _, Recorded, Sku, StockEvent, Timestamp};
use serde::{Deserialize, Serialize};

use crate::view::{Listing, Projection, Unfoldable, View};

/// How many pieces of one SKU there are. Which order holds how many is not kept here, so a document never grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StockView {
    /// Of what.
    pub sku: Sku,
    /// Pieces in the house.
    pub on_hand: i64,
    /// Those of them that are set aside for orders.
    pub held: i64,
    /// Pieces that can still be promised to an order.
    pub available: i64,
    /// The stream's version.
    pub version: u32,
    /// When the first thing happened to it.
    #[serde(with = "schemas::rfc3339")]
    pub created_at: Timestamp,
    /// When something happened to it last.
    #[serde(with = "schemas::rfc3339")]
    pub updated_at: Timestamp,
}

impl View for StockView {
    const PROJECTION: Projection = Projection::Stock;
    type Event = StockEvent;

    fn apply(view: Option<Self>, recorded: &Recorded<StockEvent>) -> Result<Option<Self>, Unfoldable> {
        let stock = view.unwrap_or_else(|| Self::empty(recorded));
        let (on_hand, held) = changes(&recorded.event);
        stock.changed(on_hand, held, recorded).map(Some)
    }

    fn lists(&self) -> Vec<Listing> {
        Vec::new()
    }
}

impl StockView {
    /// Before its first event, whichever that is, a stock is empty.
    fn empty(recorded: &Recorded<StockEvent>) -> Self {
        Self {
            sku: recorded.event.sku().clone(),
            on_hand: 0,
            held: 0,
            available: 0,
            version: 0,
            created_at: recorded.at,
            updated_at: recorded.at,
        }
    }

    fn changed(self, on_hand: i64, held: i64, recorded: &Recorded<StockEvent>) -> Result<Self, Unfoldable> {
        let event = recorded.event.name();
        let sums = self.on_hand.checked_add(on_hand).zip(self.held.checked_add(held));
        let (on_hand, held) = sums.ok_or(Unfoldable::Overflow { event })?;
        if held < 0 || on_hand < held {
            return Err(Unfoldable::Impossible { event });
        }
        let (version, updated_at) = (recorded.version.0, recorded.at);
        Ok(Self { on_hand, held, available: on_hand - held, version, updated_at, ..self })
    }
}

/// By how much an event changes what is on hand, and what is held of it.
const fn changes(event: &StockEvent) -> (i64, i64) {
    match event {
        StockEvent::Received(received) => (received.quantity, 0),
        StockEvent::Adjusted(adjusted) => (adjusted.delta, 0),
        StockEvent::Reserved(reserved) => (0, reserved.quantity),
        StockEvent::ReservationRejected(_) => (0, 0),
        StockEvent::ReservationReleased(released) => (0, released.quantity.saturating_neg()),
        StockEvent::ReservationCommitted(committed) => {
            (committed.quantity.saturating_neg(), committed.quantity.saturating_neg())
        }
        StockEvent::ReservationExpired(expired) => (0, expired.quantity.saturating_neg()),
    }
}
