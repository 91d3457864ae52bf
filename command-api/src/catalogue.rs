//! The catalogue as orders need it: names and prices, followed in memory from the products' topic.
//!
//! It may be a moment behind. An order may be accepted on it; before one is refused, the store is read.

use std::cmp::Ordering;
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

#[derive(Debug, Clone, PartialEq)]
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

    /// Whether there is such a product, on sale or not; the store is asked when memory does not know it.
    pub(crate) async fn lists(&self, sku: &Sku) -> Result<bool, Rejected> {
        let known = self.remembered(std::iter::once(sku)).contains_key(sku);
        Ok(known || self.read(std::iter::once(sku)).await?.contains_key(sku))
    }

    /// Follows the products' topic for ever. A product with a record that cannot be read is forgotten, so that the store
    /// is asked for it; the projector raises the alarm.
    pub(crate) async fn follow(self, mut topic: Tail, decoder: Decoder) {
        while let Some(next) = topic.next().await {
            let TailEvent::Record(record) = next else { continue };
            match decoder.decode_in_time(&record).await {
                Ok(recorded) => self.hear(recorded),
                Err(poison) => {
                    tracing::warn!(
                        topic = %record.topic, partition = record.partition, offset = record.offset,
                        error = runtime::chain(&poison),
                        "A product's event cannot be read; orders ask the store for it instead",
                    );
                    record.stream().into_iter().for_each(|stream| self.forget(&stream));
                }
            }
        }
    }

    fn hear(&self, recorded: Recorded<AnyEvent>) {
        let Recorded { stream, version, event: AnyEvent::Product(event), .. } = recorded else { return };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(news) = after(known.remove(&stream), version, &event) {
            known.insert(stream, news);
        }
    }

    fn forget(&self, stream: &StreamId) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(stream);
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

/// What is known after this event. An older one tells nothing new; behind a gap nothing is known, and the store is asked.
fn after(known: Option<Known>, version: Version, event: &ProductEvent) -> Option<Known> {
    let next = known.as_ref().map_or(Version::FIRST, |known| known.version.next());
    match version.cmp(&next) {
        Ordering::Less => known,
        Ordering::Equal => Some(Known { version, state: Product::evolve(known.and_then(|known| known.state), event) }),
        Ordering::Greater => None,
    }
}

fn listed(state: Option<&ProductState>) -> Option<Listed> {
    match state? {
        ProductState::Active(product) => Some(Listed::OnSale { name: product.name.clone(), price: product.price }),
        ProductState::Discontinued(_) => Some(Listed::Discontinued),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use schemas::{Currency, Money, ProductPriceChanged, ProductRegistered};

    use super::*;

    fn euro(amount: i64) -> Money {
        Money { amount, currency: Currency::parse("EUR").unwrap() }
    }

    fn registered() -> ProductEvent {
        let sku = Sku::parse("tea").unwrap();
        ProductEvent::Registered(ProductRegistered { sku, name: "Tea".to_owned(), price: euro(100) })
    }

    fn priced(amount: i64) -> ProductEvent {
        ProductEvent::PriceChanged(ProductPriceChanged { price: euro(amount) })
    }

    #[test]
    fn behind_a_gap_nothing_is_known_so_that_no_order_is_taken_at_an_old_price() {
        let first = after(None, Version(1), &registered());
        let second = after(first.clone(), Version(2), &priced(120));
        let on_sale = |known: &Option<Known>| listed(known.as_ref().unwrap().state.as_ref());
        assert_eq!(on_sale(&second), Some(Listed::OnSale { name: "Tea".to_owned(), price: euro(120) }));
        assert_eq!(after(second.clone(), Version(2), &priced(90)), second, "it comes again");
        assert_eq!(after(second.clone(), Version(1), &registered()), second, "it comes again");
        assert_eq!(after(first, Version(3), &priced(130)), None);
        assert_eq!(after(None, Version(3), &priced(130)), None);
    }
}
