//! The catalogue as its watchers are told of it: each product with the pieces that are available, as queries answer.

use std::collections::BTreeSet;

use read_model::{Cursor, Document, Page, Reader};
use schemas::{Sku, StreamId, Version};
use serde::Deserialize;

use super::board::Card;
use crate::Error;
use crate::frames::{self, Frame, Joined};
use crate::states::{PRODUCTS, STOCK};

/// The projections that it is read from.
pub(super) const PROJECTIONS: [&str; 2] = [PRODUCTS, STOCK];

/// How many products one read brings.
const PAGE: usize = 100;

/// The one field of a stored stock that is told.
#[derive(Deserialize)]
struct Counted {
    available: i64,
}

/// A page of all products, and where the next one starts if there is one.
pub(super) async fn page(states: &Reader, after: Option<Cursor>) -> Result<(Vec<Card>, Option<Cursor>), Error> {
    let page = Page { list: "all".to_owned(), from: None, to: None, after, limit: PAGE };
    let (entries, next) = states.page(PRODUCTS, &page).await?;
    let skus: Vec<_> = entries.iter().filter_map(|entry| sku_of(&entry.at.stream)).collect();
    Ok((cards(states, &skus).await?, next))
}

/// The products that these streams are of, or are the stock of.
pub(super) async fn changed(states: &Reader, streams: &BTreeSet<StreamId>) -> Result<Vec<Card>, Error> {
    let skus: BTreeSet<_> = streams.iter().filter_map(sku_of).collect();
    let (skus, mut changed) = (Vec::from_iter(skus), Vec::with_capacity(streams.len()));
    for skus in skus.chunks(PAGE) {
        changed.extend(cards(states, skus).await?);
    }
    Ok(changed)
}

/// Products and stocks are read together. Of what is not in the catalogue yet there is no card.
async fn cards(states: &Reader, skus: &[Sku]) -> Result<Vec<Card>, Error> {
    let streams: Vec<_> = skus.iter().map(|sku| [sku.product(), sku.stock()]).collect();
    let wanted: Vec<_> = streams.iter().flat_map(|[product, stock]| [(PRODUCTS, product), (STOCK, stock)]).collect();
    let mut found = states.documents(&wanted).await?.into_iter();
    let mut cards = Vec::with_capacity(skus.len());
    for [product, stock] in &streams {
        let documents = (found.next().flatten(), found.next().flatten());
        let (Some(Document { version, body: Some(body), .. }), counted) = documents else { continue };
        match card((product, version, body), (stock, counted)) {
            Ok(card) => cards.push(card),
            Err(error) => {
                tracing::error!(error = runtime::chain(&error), stream = %product, "a product cannot be told");
            }
        }
    }
    Ok(cards)
}

/// A product of which no piece was ever received has none.
fn card(
    (product, version, mut body): (&StreamId, Version, Vec<u8>),
    (stock, counted): (&StreamId, Option<Document>),
) -> Result<Card, frames::Error> {
    let joined = counted.as_ref().map_or(Version::NONE, |stock| stock.version);
    let available = match counted.and_then(|stock| stock.body) {
        Some(stock) => Counted::read(&stock)?.available,
        None => 0,
    };
    if body.pop_if(|last| *last == b'}').is_some() {
        body.extend(format!(",\"available\":{available}}}").as_bytes());
    }
    let frame = Frame::joined(product, version, &body, Joined { stream: stock, version: joined })?;
    Ok(Card { stream: product.clone(), versions: [version, joined], frame })
}

impl Counted {
    fn read(stock: &[u8]) -> Result<Self, frames::Error> {
        serde_json::from_slice(stock).map_err(|source| frames::Error::Serialise { source })
    }
}

/// Products and stocks are named after their SKU.
fn sku_of(stream: &StreamId) -> Option<Sku> {
    Sku::parse(stream.as_str().strip_prefix(stream.aggregate().prefix())?).ok()
}
