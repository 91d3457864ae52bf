//! The product's events, and what its states are called.

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
        /// It is called something else.
        Renamed(ProductRenamed),
        /// It is not sold any more.
        Discontinued(ProductDiscontinued),
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

/// A product is called something else; orders already placed keep its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.product")]
pub struct ProductRenamed {
    /// What people call it now.
    pub name: String,
}

/// A product is not sold any more, for ever; orders already placed are not touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.product")]
pub struct ProductDiscontinued {
    /// Its SKU, which stays taken.
    pub sku: Sku,
}

/// What a product's state is called in answers and lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ProductStatus {
    /// On sale.
    Active,
    /// Not sold any more.
    Discontinued,
}
