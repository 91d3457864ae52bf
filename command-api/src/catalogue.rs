//! The catalogue as orders need it: names and prices, followed in memory from the products' topic.
//!
//! It may be a moment behind. An order may be accepted on it; before one is refused, the store is read.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bus::{Decoder, Tail, TailEvent};
use domain::Aggregate as _;
use domain::order::{Catalogue as Prices, Listed};
use domain::product::{Product, ProductState};
use schemas::{AnyEvent, ProductEvent, Recorded, Sku, StreamId, Version};

use crate::streams::{Rejected, Streams};

/// The products that this process knows of. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    products: Streams<Product>,
    known: Arc<RwLock<HashMap<StreamId, Known>>>,
}

#[derive(Debug, Clone)]
struct Known {
    version: Version,
    state: Option<ProductState>,
}

impl Catalogue {
    /// An empty catalogue; [`Self::follow`] fills it.
    #[must_use]
    pub(crate) fn new(products: Streams<Product>) -> Self {
        Self { products, known: Arc::default() }
    }

    /// What memory knows of these products; those that it does not know are left out.
    #[must_use]
    pub(crate) fn remembered<'a>(&self, skus: impl Iterator<Item = &'a Sku>) -> Prices {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let listed = |sku: &Sku| known.get(&sku.product()).and_then(|known| listed(known.state.as_ref()));
        skus.filter_map(|sku| Some((sku.clone(), listed(sku)?))).collect()
    }

    /// What the store knows of these products, by majority reads.
    pub(crate) async fn read<'a>(&self, skus: impl Iterator<Item = &'a Sku> + Send) -> Result<Prices, Rejected> {
        let mut prices = Prices::new();
        for sku in skus {
            let stream = sku.product();
            let head = self.products.load(&stream).await?;
            if let Some(listed) = listed(head.state.as_ref()) {
                prices.insert(sku.clone(), listed);
            }
            self.learn(stream, Known { version: head.version, state: head.state.clone() });
        }
        Ok(prices)
    }

    /// Whether there is such a product; the store is asked when memory does not know it.
    pub(crate) async fn lists(&self, sku: &Sku) -> Result<bool, Rejected> {
        let known = self.remembered(std::iter::once(sku)).contains_key(sku);
        Ok(known || self.read(std::iter::once(sku)).await?.contains_key(sku))
    }

    /// Follows the products' topic for ever. A record that cannot be read is left to the projector's alarm: the store
    /// is asked for a product that is missing here.
    pub(crate) async fn follow(self, mut topic: Tail, decoder: Decoder) {
        while let Some(next) = topic.next().await {
            let TailEvent::Record(record) = next else { continue };
            match decoder.decode(&record).await {
                Ok(recorded) => self.hear(recorded),
                Err(failure) => tracing::warn!(
                    topic = %record.topic, partition = record.partition, offset = record.offset,
                    error = runtime::chain(&failure),
                    "A product's event cannot be read; orders ask the store for it instead",
                ),
            }
        }
    }

    fn hear(&self, recorded: Recorded<AnyEvent>) {
        let Recorded { stream, version, event: AnyEvent::Product(event), .. } = recorded else { return };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&stream).cloned();
        if let Some(known) = next(known, version, &event) {
            self.learn(stream, known);
        }
    }

    fn learn(&self, stream: StreamId, news: Known) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match known.get(&stream) {
            Some(old) if old.version >= news.version => {}
            Some(_) | None => {
                known.insert(stream, news);
            }
        }
    }
}

/// What is known after this event, if it is the next one. An older one tells nothing new; behind a gap the old
/// knowledge stays, and is corrected by the store when it leads to a refusal.
fn next(known: Option<Known>, version: Version, event: &ProductEvent) -> Option<Known> {
    let known = known.unwrap_or(Known { version: Version::NONE, state: None });
    (version == known.version.next()).then(|| Known { version, state: Product::evolve(known.state, event) })
}

fn listed(state: Option<&ProductState>) -> Option<Listed> {
    match state? {
        ProductState::Active(product) => Some(Listed { name: product.name.clone(), price: product.price }),
    }
}
