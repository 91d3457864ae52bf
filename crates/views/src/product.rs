//! The product as the catalogue shows it.

use schemas::{Event as _, Money, ProductEvent, ProductRegistered, ProductStatus, Recorded, Sku, Timestamp};
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
    /// Whether it can be ordered.
    pub status: ProductStatus,
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
        let event = recorded.event.name();
        let before = match view {
            Some(Self { status: ProductStatus::Discontinued, .. }) => return Err(Unfoldable::Impossible { event }),
            Some(product) => Some(Self { version: recorded.version.0, updated_at: recorded.at, ..product }),
            None => None,
        };
        match (before, &recorded.event) {
            (None, ProductEvent::Registered(registered)) => Ok(Some(Self::registered(recorded, registered))),
            (Some(product), ProductEvent::PriceChanged(changed)) => Ok(Some(Self { price: changed.price, ..product })),
            (Some(product), ProductEvent::Renamed(renamed)) => Ok(Some(Self { name: renamed.name.clone(), ..product })),
            (Some(product), ProductEvent::Discontinued(_)) => {
                Ok(Some(Self { status: ProductStatus::Discontinued, ..product }))
            }
            (Some(_), ProductEvent::Registered(_)) => Err(Unfoldable::Impossible { event }),
            (None, ProductEvent::PriceChanged(_) | ProductEvent::Renamed(_) | ProductEvent::Discontinued(_)) => {
                Err(Unfoldable::Missing { event })
            }
        }
    }

    fn lists(&self) -> Vec<Listing> {
        vec![Listing::new("all", self.created_at.as_micros())]
    }
}

impl ProductView {
    fn registered(recorded: &Recorded<ProductEvent>, registered: &ProductRegistered) -> Self {
        Self {
            sku: registered.sku.clone(),
            name: registered.name.clone(),
            price: registered.price,
            status: ProductStatus::Active,
            version: recorded.version.0,
            created_at: recorded.at,
            updated_at: recorded.at,
        }
    }
}
