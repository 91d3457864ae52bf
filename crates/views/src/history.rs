//! What happened to an order, event by event.

use schemas::{Event as _, OrderEvent, OrderId, Recorded, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::view::{Listing, Projection, Unfoldable, View};

/// All events of one order, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryView {
    /// The order's id.
    pub order_id: OrderId,
    /// Whose order it is.
    pub user_id: UserId,
    /// The stream's version.
    pub version: u32,
    /// What happened.
    pub events: Vec<HistoryEntry>,
}

/// One event, rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Its place in the stream.
    pub version: u32,
    /// The record's name: `OrderPlaced`.
    pub r#type: String,
    /// What the seed applications call it: `order.created`.
    pub seed_type: Option<String>,
    /// When it happened.
    #[serde(with = "schemas::rfc3339")]
    pub at: Timestamp,
    /// The record's content, under the record's field names.
    pub data: serde_json::Value,
}

impl View for HistoryView {
    const PROJECTION: Projection = Projection::History;
    type Event = OrderEvent;

    fn apply(view: Option<Self>, recorded: &Recorded<OrderEvent>) -> Result<Option<Self>, Unfoldable> {
        let event = recorded.event.name();
        let mut history = match (view, &recorded.event) {
            (None, OrderEvent::Placed(placed)) => {
                let order_id = OrderId::parse(recorded.stream.as_str())
                    .map_err(|_| Unfoldable::Stream { event, stream: recorded.stream.clone() })?;
                Self { order_id, user_id: placed.user_id.clone(), version: 0, events: Vec::new() }
            }
            (Some(_), OrderEvent::Placed(_)) => return Err(Unfoldable::Impossible { event }),
            (
                history,
                OrderEvent::Reserved(_)
                | OrderEvent::Rejected(_)
                | OrderEvent::Paid(_)
                | OrderEvent::Shipped(_)
                | OrderEvent::Delivered(_)
                | OrderEvent::Cancelled(_),
            ) => history.ok_or(Unfoldable::Missing { event })?,
        };
        history.version = recorded.version.0;
        history.events.push(HistoryEntry {
            version: recorded.version.0,
            r#type: event.to_owned(),
            seed_type: recorded.event.seed_type().map(str::to_owned),
            at: recorded.at,
            data: recorded.event.to_json()?,
        });
        Ok(Some(history))
    }

    fn lists(&self) -> Vec<Listing> {
        Vec::new()
    }
}
