//! The product's events.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::{Money, Sku};

events! {
    /// What can happen to a product of the catalogue.
    ProductEvent of Product {
        /// It entered the catalogue.
        Registered(ProductRegistered),
        /// Its price was changed.
        PriceChanged(ProductPriceChanged),
    }
}

/// A product entered the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.product")]
pub struct ProductRegistered {
    /// Its SKU, for ever.
    pub sku: Sku,
    /// What people call it.
    pub name: String,
    /// Price of one piece, above zero.
    pub price: Money,
}

/// A product's price was changed; orders already placed keep theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.product")]
pub struct ProductPriceChanged {
    /// The new price of one piece, above zero.
    pub price: Money,
}
