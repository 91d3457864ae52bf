//! The order as its owner sees it.

use schemas::{
    Currency, Event as _, OrderEvent, OrderId, OrderPlaced, OrderShipped, OrderStatus, Recorded, Sku, StreamId,
    Timestamp, UserId, Version,
};
use serde::{Deserialize, Serialize};

use crate::view::{Listing, Projection, Unfoldable, View};

/// How many SKUs the preview shows.
const PREVIEW: usize = 5;

/// One order, with the seeds' fields (`_id`, `__v`, `previewSkus`, …) beside ours. Its payment is another view, which
/// answers join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// The order's id, under the seed's name.
    #[serde(rename = "_id")]
    pub id: OrderId,
    /// The same under our own name.
    pub order_id: OrderId,
    /// Whose order it is.
    pub user_id: UserId,
    /// How far it is.
    pub status: OrderStatus,
    /// Minor units of `currency`.
    pub total_amount: i64,
    /// Sum of all quantities.
    pub item_count: i64,
    /// The first five SKUs.
    pub preview_skus: Vec<Sku>,
    /// When it was placed.
    #[serde(with = "schemas::rfc3339")]
    pub created_at: Timestamp,
    /// When something happened to it last.
    #[serde(with = "schemas::rfc3339")]
    pub updated_at: Timestamp,
    /// The stream's version, under the seed's name.
    #[serde(rename = "__v")]
    pub seed_version: u32,
    /// The same under our own name.
    pub version: u32,
    /// One line per SKU.
    pub items: Vec<OrderItem>,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The parcel, once it is on its way.
    pub shipment: Option<OrderShipment>,
    /// Where to read on.
    pub links: OrderLinks,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderItem {
    /// What is ordered.
    pub sku: Sku,
    /// How many.
    pub qty: i64,
    /// The product's name when the order was placed.
    pub name: String,
    /// Minor units for one piece.
    pub price: i64,
}

/// The parcel that an order left the house in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderShipment {
    /// Who carries it.
    pub carrier: String,
    /// Under which number the carrier knows it.
    pub tracking: String,
}

impl From<&OrderShipped> for OrderShipment {
    fn from(shipped: &OrderShipped) -> Self {
        Self { carrier: shipped.carrier.clone(), tracking: shipped.tracking.clone() }
    }
}

/// Where to read on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLinks {
    /// The order's events.
    pub history: String,
}

/// What the view of an order depends on in a recorded event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Happened<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) version: Version,
    pub(crate) at: Timestamp,
    pub(crate) event: &'a OrderEvent,
}

impl View for OrderView {
    const PROJECTION: Projection = Projection::Orders;
    type Event = OrderEvent;

    fn apply(view: Option<Self>, recorded: &Recorded<OrderEvent>) -> Result<Option<Self>, Unfoldable> {
        let Recorded { stream, version, at, event, .. } = recorded;
        Self::after(view, &Happened { stream, version: *version, at: *at, event }).map(Some)
    }

    fn lists(&self) -> Vec<Listing> {
        let (user, status, score) = (&self.user_id, self.status, self.created_at.as_micros());
        vec![
            Listing::new("all", score),
            Listing::new(format!("user:{user}"), score),
            Listing::new(format!("status:{status}"), score),
            Listing::new(format!("user:{user}:status:{status}"), score),
        ]
    }
}

impl OrderView {
    /// The order after one more event, wherever that was kept.
    pub(crate) fn after(view: Option<Self>, happened: &Happened<'_>) -> Result<Self, Unfoldable> {
        let event = happened.event.name();
        match (view, happened.event) {
            (None, OrderEvent::Placed(placed)) => Self::placed(happened, placed),
            (Some(order), next) => {
                let status = order.status.after(next).ok_or(Unfoldable::Impossible { event })?;
                Ok(order.with_status(status, happened))
            }
            (
                None,
                OrderEvent::Reserved(_)
                | OrderEvent::Rejected(_)
                | OrderEvent::Paid(_)
                | OrderEvent::Shipped(_)
                | OrderEvent::Delivered(_)
                | OrderEvent::Cancelled(_),
            ) => Err(Unfoldable::Missing { event }),
        }
    }

    fn placed(happened: &Happened<'_>, placed: &OrderPlaced) -> Result<Self, Unfoldable> {
        let event = happened.event.name();
        let id = OrderId::parse(happened.stream.as_str())
            .map_err(|_| Unfoldable::Stream { event, stream: happened.stream.clone() })?;
        let item_count = placed.lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.quantity));
        let items = placed.lines.iter().map(|line| OrderItem {
            sku: line.sku.clone(),
            qty: line.quantity,
            name: line.name.clone(),
            price: line.unit_price,
        });
        Ok(Self {
            id: id.clone(),
            user_id: placed.user_id.clone(),
            status: OrderStatus::Created,
            total_amount: placed.total_amount,
            item_count: item_count.ok_or(Unfoldable::Overflow { event })?,
            preview_skus: placed.lines.iter().take(PREVIEW).map(|line| line.sku.clone()).collect(),
            created_at: happened.at,
            updated_at: happened.at,
            seed_version: happened.version.0,
            version: happened.version.0,
            items: items.collect(),
            currency: placed.currency,
            shipment: None,
            links: OrderLinks { history: format!("/queries/orders/{id}/history") },
            order_id: id,
        })
    }

    fn with_status(self, status: OrderStatus, happened: &Happened<'_>) -> Self {
        let version = happened.version.0;
        let shipment = match happened.event {
            OrderEvent::Shipped(shipped) => Some(OrderShipment::from(shipped)),
            OrderEvent::Placed(_)
            | OrderEvent::Reserved(_)
            | OrderEvent::Rejected(_)
            | OrderEvent::Paid(_)
            | OrderEvent::Delivered(_)
            | OrderEvent::Cancelled(_) => self.shipment,
        };
        Self { status, version, seed_version: version, updated_at: happened.at, shipment, ..self }
    }
}
