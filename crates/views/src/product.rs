//! The product as the catalogue shows it.

use schemas::{Event as _, Money, ProductEvent, Recorded, Sku, Timestamp};
use serde::{Deserialize, Serialize};

use crate::view::{Listing, Projection, Unfoldable, View};

/// One product. How many pieces are available is the stock view's, which answers join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductView {
    /// Its SKU.
    pub sku: Sku,
    /// What people call it.
    pub name: String,
    /// What one piece costs.
    pub price: Money,
    /// The stream's version.
    pub version: u32,
    /// When it entered the catalogue.
    #[serde(with = "schemas::rfc3339")]
    pub created_at: Timestamp,
    /// When something happened to it last.
    #[serde(with = "schemas::rfc3339")]
    pub updated_at: Timestamp,
}

impl View for ProductView {
    const PROJECTION: Projection = Projection::Products;
    type Event = ProductEvent;

    fn apply(view: Option<Self>, recorded: &Recorded<ProductEvent>) -> Result<Option<Self>, Unfoldable> {
        let (event, version, at) = (recorded.event.name(), recorded.version.0, recorded.at);
        match (view, &recorded.event) {
            (None, ProductEvent::Registered(registered)) => Ok(Some(Self {
                sku: registered.sku.clone(),
                name: registered.name.clone(),
                price: registered.price,
                version,
                created_at: at,
                updated_at: at,
            })),
            (Some(product), ProductEvent::PriceChanged(changed)) => {
                Ok(Some(Self { price: changed.price, version, updated_at: at, ..product }))
            }
            (Some(_), ProductEvent::Registered(_)) => Err(Unfoldable::Impossible { event }),
            (None, ProductEvent::PriceChanged(_)) => Err(Unfoldable::Missing { event }),
        }
    }

    fn lists(&self) -> Vec<Listing> {
        vec![Listing::new("all", self.created_at.as_micros())]
    }
}
