//! The stock's part in answers about products: how many pieces are available.

use read_model::{Document, Entry};
use runtime::problem::Problem;
use schemas::{Sku, StreamId, Version};
use serde::Deserialize;
use views::Projection;

use crate::App;
use crate::answer::Shown;
use crate::app::unreadable;

/// How many pieces there are of a product, and as of which version of its stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stock {
    pub(super) version: Version,
    available: i64,
}

/// The one field of a stored stock that answers show.
#[derive(Deserialize)]
struct Counted {
    available: i64,
}

impl Stock {
    /// A product of which no piece was ever received has none.
    pub(super) fn of(document: Option<Document>) -> Result<Self, Problem> {
        let Some(shown) = Shown::of(document) else { return Ok(Self { version: Version::NONE, available: 0 }) };
        let counted: Counted = serde_json::from_slice(&shown.body).map_err(|error| {
            tracing::error!(error = runtime::chain(&error), "a stored stock does not say what is available");
            Problem::internal()
        })?;
        Ok(Self { version: shown.version, available: counted.available })
    }

    /// The product with what is available of it.
    pub(super) fn joined_to(self, product: Shown) -> Shown {
        product.with_field("available", self.available.to_string().as_bytes())
    }
}

impl App {
    /// The stock of every product of a page, in its order.
    pub(super) async fn stocks(&self, products: &[Entry]) -> Result<Vec<Stock>, Problem> {
        let streams: Vec<_> = products.iter().filter_map(|entry| stock_of(&entry.at.stream)).collect();
        let wanted: Vec<_> = streams.iter().map(|stream| (Projection::Stock.name(), stream)).collect();
        let found = self.reader.documents(&wanted).await.map_err(|error| unreadable(&error))?;
        found.into_iter().map(Stock::of).collect()
    }
}

/// The stock's stream beside a product's: the same SKU under another prefix.
fn stock_of(product: &StreamId) -> Option<StreamId> {
    let sku = product.as_str().strip_prefix(product.aggregate().prefix())?;
    Sku::parse(sku).ok().map(|sku| sku.stock())
}
