//! The order's events, and what its states are called. Amounts are whole minor units of the order's currency: cents, where
//! that is EUR.
//!
//! Doc comments of records and their fields become part of the Avro schemas.

use std::fmt;

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::words::words;
use crate::{Currency, Money, PaymentMethod, Sku, UserId};

events! {
    /// What can happen to an order. `as` gives the name by which the seed applications knew the event, if they did: records
    /// carry it in the header `ce_seedtype`.
    OrderEvent of Order {
        /// It was placed.
        Placed(OrderPlaced) as "order.created",
        /// Every piece of it is held in the house.
        Reserved(OrderReserved),
        /// The shop turned it down.
        Rejected(OrderRejected),
        /// Its total was taken.
        Paid(OrderPaid) as "order.paid",
        /// It left the house.
        Shipped(OrderShipped) as "order.shipped",
        /// It arrived.
        Delivered(OrderDelivered) as "order.delivered",
        /// Its owner, an admin or the system called it off.
        Cancelled(OrderCancelled) as "order.canceled",
    }
}

/// An order was placed: names, prices and total are fixed from the catalogue at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.order")]
pub struct OrderPlaced {
    /// The owner.
    pub user_id: UserId,
    /// 1 to 100 lines, one per SKU, in the order of the request.
    pub lines: Vec<OrderLine>,
    /// The one currency of every line.
    pub currency: Currency,
    /// Sum of quantity times unit price, in minor units.
    pub total_amount: i64,
    /// What it is paid with, if its owner said so.
    pub payment_method: Option<PaymentMethod>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
pub struct OrderLine {
    /// What is ordered.
    pub sku: Sku,
    /// The product's name when the order was placed.
    pub name: String,
    /// How many, 1 to 1,000.
    pub quantity: i64,
    /// Minor units for one piece.
    pub unit_price: i64,
}

/// Every piece of an order is held in the house, until it is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.order")]
pub struct OrderReserved {
    /// How many pieces, of all SKUs together.
    pub pieces: i64,
}

/// The shop turned an order down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.order")]
pub struct OrderRejected {
    /// Why.
    pub reason: RejectionReason,
    /// What it could not be served with.
    pub skus: Vec<Sku>,
}

/// An order's total was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.order")]
pub struct OrderPaid {
    /// How much.
    pub amount: Money,
}

/// An order left the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.order")]
pub struct OrderShipped {
    /// Who carries it.
    pub carrier: String,
    /// Under which number the carrier knows it.
    pub tracking: String,
}

/// An order arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.order")]
pub struct OrderDelivered {
    /// How many pieces, of all SKUs together.
    pub pieces: i64,
}

/// An order was called off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.order")]
pub struct OrderCancelled {
    /// Why, for programs.
    pub cause: CancellationCause,
    /// Who did it; null if the system did.
    pub cancelled_by: Option<UserId>,
    /// Why, in a person's words.
    pub reason: Option<String>,
}

// The first word is what an older build reads in place of one that it does not know, so it stays first.
words! {
    /// Why an order was called off.
    CancellationCause, "Why an order was called off." {
        /// Its owner or an admin wanted it so.
        Requested = "requested",
        /// It could not be paid.
        PaymentFailed = "payment_failed",
        /// Pieces that had been held for it were held for too long, and are gone.
        OutOfStock = "out_of_stock",
        /// An operator ended its fulfilment.
        Operator = "operator",
    }
}

// Here too the first word is what an older build reads for one that it does not know.
words! {
    /// Why the shop turned an order down.
    RejectionReason, "Why the shop turned an order down." {
        /// It could not be served, for whatever reason.
        Unavailable = "unavailable",
        /// The house does not hold as many pieces.
        OutOfStock = "out_of_stock",
    }
}

/// What an order's state is called in answers, lists and filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum OrderStatus {
    /// Placed, nothing more yet.
    Created,
    /// Every piece is held, and it waits to be paid.
    Reserved,
    /// Paid, and waits to be shipped.
    Paid,
    /// On its way.
    Shipped,
    /// Arrived; nothing can happen to it any more.
    Delivered,
    /// Called off; nothing can happen to it any more.
    Cancelled,
    /// Turned down; nothing can happen to it any more.
    Rejected,
}

impl OrderStatus {
    /// Every status.
    pub const ALL: [Self; 7] =
        [Self::Created, Self::Reserved, Self::Paid, Self::Shipped, Self::Delivered, Self::Cancelled, Self::Rejected];

    /// The status as text: `CREATED`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Reserved => "RESERVED",
            Self::Paid => "PAID",
            Self::Shipped => "SHIPPED",
            Self::Delivered => "DELIVERED",
            Self::Cancelled => "CANCELLED",
            Self::Rejected => "REJECTED",
        }
    }

    /// The status that this event leads to from here; `None` where it cannot follow.
    ///
    /// `CREATED -> RESERVED -> PAID -> SHIPPED -> DELIVERED`; from `CREATED` to `REJECTED` instead; and from any of the first
    /// three to `CANCELLED`. The first event, `Placed`, follows from no status.
    #[must_use]
    pub fn after(self, event: &OrderEvent) -> Option<Self> {
        let (from, to): (&[Self], Self) = match event {
            OrderEvent::Placed(_) => (&[], Self::Created),
            OrderEvent::Reserved(_) => (&[Self::Created], Self::Reserved),
            OrderEvent::Rejected(_) => (&[Self::Created], Self::Rejected),
            OrderEvent::Paid(_) => (&[Self::Reserved], Self::Paid),
            OrderEvent::Shipped(_) => (&[Self::Paid], Self::Shipped),
            OrderEvent::Delivered(_) => (&[Self::Shipped], Self::Delivered),
            OrderEvent::Cancelled(_) => (&[Self::Created, Self::Reserved, Self::Paid], Self::Cancelled),
        };
        from.contains(&self).then_some(to)
    }

    /// Reads a status, in upper case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
