//! The stock's events.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::Sku;
use crate::event::events;

events! {
    /// What can happen to the stock of one SKU.
    StockEvent of Stock {
        /// Pieces came in.
        Received(StockReceived),
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
