//! What happened to an order, event by event.

use schemas::{DecodeError, Event as _, OrderEvent, OrderId, Recorded, Timestamp, UserId, Version};
use serde::{Deserialize, Serialize};

use crate::OrderView;
use crate::order::Happened;
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

/// What an order was cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Untold {
    /// The history does not know what happened then: it was discarded, or has not happened.
    #[error("what happened at version {version} is not known")]
    Missing {
        /// The version.
        version: Version,
    },
    /// What is kept of an event is not an event.
    #[error("the event of version {version} cannot be read")]
    Unreadable {
        /// The event's version.
        version: Version,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The events do not follow from each other.
    #[error("the event of version {version} does not follow from those before it")]
    Unfoldable {
        /// The event's version.
        version: Version,
        /// Why not.
        source: Unfoldable,
    },
}

impl HistoryView {
    /// The order as it was after the event of this version, the same that [`OrderView`]'s fold came to then; `None` before
    /// the first one.
    pub fn order_at(&self, version: Version) -> Result<Option<OrderView>, Untold> {
        let mut entries = self.events.iter();
        let mut order = None;
        for version in (1..=version.0).map(Version) {
            let entry = entries.next().filter(|entry| entry.version == version.0);
            let HistoryEntry { r#type, at, data, .. } = entry.ok_or(Untold::Missing { version })?;
            let event = OrderEvent::from_json(r#type, data).map_err(|source| Untold::Unreadable { version, source })?;
            let happened = Happened { stream: self.order_id.stream(), version, at: *at, event: &event };
            let next = OrderView::after(order, &happened);
            order = Some(next.map_err(|source| Untold::Unfoldable { version, source })?);
        }
        Ok(order)
    }
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
