//! The order's events, and what its states are called.

use std::fmt;

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::{Currency, PaymentMethod, Sku, UserId};

events! {
    /// What can happen to an order.
    OrderEvent of Order {
        /// It was placed.
        Placed(OrderPlaced) as "order.created",
        /// Its owner or an admin called it off.
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

/// An order was called off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.order")]
pub struct OrderCancelled {
    /// Who did it.
    pub cancelled_by: UserId,
    /// Why, in that person's words.
    pub reason: Option<String>,
}

/// What an order's state is called in answers, lists and filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum OrderStatus {
    /// Placed, nothing more yet.
    Created,
    /// Called off.
    Cancelled,
}

impl OrderStatus {
    /// Every status.
    pub const ALL: [Self; 2] = [Self::Created, Self::Cancelled];

    /// The status as text: `CREATED`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Cancelled => "CANCELLED",
        }
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
