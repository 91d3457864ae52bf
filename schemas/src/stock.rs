//! The stock's events. Every one names the SKU, because whichever comes first brings the stock into being.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::{OrderId, Sku, Timestamp};

events! {
    /// What can happen to the stock of one SKU.
    StockEvent of Stock {
        /// Pieces came in.
        Received(StockReceived),
        /// The number of pieces was corrected.
        Adjusted(StockAdjusted),
        /// Pieces were set aside for an order.
        Reserved(StockReserved),
        /// Too few pieces were left for an order; nothing was set aside.
        ReservationRejected(StockReservationRejected),
        /// Pieces that were set aside can be promised again.
        ReservationReleased(StockReservationReleased),
        /// Pieces that were set aside have left the house.
        ReservationCommitted(StockReservationCommitted),
        /// Pieces were set aside for too long, and can be promised again.
        ReservationExpired(StockReservationExpired),
    }
}

impl StockEvent {
    /// Of what.
    #[must_use]
    pub const fn sku(&self) -> &Sku {
        match self {
            Self::Received(StockReceived { sku, .. })
            | Self::Adjusted(StockAdjusted { sku, .. })
            | Self::Reserved(StockReserved { sku, .. })
            | Self::ReservationRejected(StockReservationRejected { sku, .. })
            | Self::ReservationReleased(StockReservationReleased { sku, .. })
            | Self::ReservationCommitted(StockReservationCommitted { sku, .. })
            | Self::ReservationExpired(StockReservationExpired { sku, .. }) => sku,
        }
    }
}

/// Pieces came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.stock")]
pub struct StockReceived {
    /// Of what.
    pub sku: Sku,
    /// How many, above zero.
    pub quantity: i64,
    /// Why, in the words of whoever booked it.
    pub reason: Option<String>,
}

/// The number of pieces was corrected: some were lost, broken or found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.stock")]
pub struct StockAdjusted {
    /// Of what.
    pub sku: Sku,
    /// How many more there are, below zero if there are fewer; never zero.
    pub delta: i64,
    /// Why, in the words of whoever booked it.
    pub reason: Option<String>,
}

/// Pieces were set aside for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.stock")]
pub struct StockReserved {
    /// Of what.
    pub sku: Sku,
    /// For which order.
    pub order: OrderId,
    /// How many, above zero.
    pub quantity: i64,
    /// From when on the reservation may expire.
    pub until: Timestamp,
}

/// Too few pieces were left for an order; nothing was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.stock")]
pub struct StockReservationRejected {
    /// Of what.
    pub sku: Sku,
    /// For which order.
    pub order: OrderId,
    /// How many were asked for.
    pub quantity: i64,
    /// How many could have been promised at that moment.
    pub available: i64,
}

/// The order does not need the pieces any more; they can be promised again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.stock")]
pub struct StockReservationReleased {
    /// Of what.
    pub sku: Sku,
    /// For which order they were set aside.
    pub order: OrderId,
    /// How many.
    pub quantity: i64,
}

/// The order got its pieces; they are not in the house any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.stock")]
pub struct StockReservationCommitted {
    /// Of what.
    pub sku: Sku,
    /// For which order they were set aside.
    pub order: OrderId,
    /// How many.
    pub quantity: i64,
}

/// The order took too long; the pieces can be promised again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.stock")]
pub struct StockReservationExpired {
    /// Of what.
    pub sku: Sku,
    /// For which order they were set aside.
    pub order: OrderId,
    /// How many.
    pub quantity: i64,
}
