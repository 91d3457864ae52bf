//! The stock of one SKU.

use schemas::{Event as _, Recorded, Sku, StockEvent, StockReceived, Timestamp};
use serde::{Deserialize, Serialize};

use crate::view::{Listing, Projection, Unfoldable, View};

/// How many pieces of one SKU there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StockView {
    /// Of what.
    pub sku: Sku,
    /// Pieces in the house.
    pub on_hand: i64,
    /// Pieces that can still be promised to an order.
    pub available: i64,
    /// The stream's version.
    pub version: u32,
    /// When the first pieces came in.
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
        match (view, &recorded.event) {
            (view, StockEvent::Received(received)) => Self::received(view, recorded, received).map(Some),
        }
    }

    fn lists(&self) -> Vec<Listing> {
        Vec::new()
    }
}

impl StockView {
    /// The first delivery creates the view, each later one adds to it.
    fn received(
        view: Option<Self>,
        recorded: &Recorded<StockEvent>,
        received: &StockReceived,
    ) -> Result<Self, Unfoldable> {
        let event = recorded.event.name();
        let before = view.as_ref().map_or(0, |stock| stock.on_hand);
        let on_hand = before.checked_add(received.quantity).ok_or(Unfoldable::Overflow { event })?;
        Ok(Self {
            sku: received.sku.clone(),
            on_hand,
            available: on_hand,
            version: recorded.version.0,
            created_at: view.map_or(recorded.at, |stock| stock.created_at),
            updated_at: recorded.at,
        })
    }
}
