//! What no stream can be parked for stops its partition, visibly; nothing is skipped, and the others go on.

use schemas::{AnyEvent, EventId, Money, ProductEvent, Recorded, Sku, StockEvent, StockReceived};
use stack::servers::Kafka;
use stack::testing::{self, eventually};
use uuid::Uuid;

use crate::world::{Running, SOON, World, prepared, recorded, shared};

async fn stops(running: &Running, dependency: &str, words: &[&str]) -> String {
    eventually("the projection stands still", SOON, async || {
        running.reason(dependency).filter(|reason| words.iter().all(|word| reason.contains(word)))
    })
    .await
}

fn received(sku: &Sku, version: u32) -> Recorded<AnyEvent> {
    let received = StockReceived { sku: sku.clone(), quantity: 3, reason: None };
    recorded(&sku.stock(), version, StockEvent::Received(received))
}

fn fresh_sku() -> Sku {
    Sku::parse(&Uuid::new_v4().simple().to_string()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_names_no_stream_stops_its_partition_only_and_says_where() {
    let kafka: Kafka = testing::own().await;
    let world = World::new(prepared(kafka.url()).await).await;
    let running = world.project("one", "products");
    world.keyed_garbage("products.events.v1", "lamp", Some(1), "orderflow.product.ProductRegistered").await;
    let reason = stops(&running, "projection-products", &["products.events.v1/", "offset 0", "lamp"]).await;
    assert!(!running.0.health.is_ready());

    // Enough products that every partition gets some.
    let products: Vec<_> = (0..120).map(|_| fresh_sku()).collect();
    let registered: Vec<_> = products.iter().map(registered).collect();
    world.publish(&registered).await;
    let applied = async || {
        let mut applied = 0;
        for product in &products {
            applied += world.version("products", &product.product()).await;
        }
        applied
    };
    eventually("the other partitions go on", SOON, async || (applied().await > 60).then_some(())).await;
    assert!(applied().await < 120, "nothing overtakes the record that stopped its partition");
    assert_eq!(running.reason("projection-products"), Some(reason), "it stays visible");
    running.stop().await;
}

fn registered(sku: &Sku) -> Recorded<AnyEvent> {
    let price = Money { amount: 5, currency: schemas::Currency::parse("EUR").unwrap() };
    let registered = schemas::ProductRegistered { sku: sku.clone(), name: "Lamp".to_owned(), price };
    recorded(&sku.product(), 1, ProductEvent::Registered(registered))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diverged_history_is_never_taken_for_a_duplicate() {
    let world = World::new(shared().await).await;
    let running = world.project("one", "stock");
    let sku = fresh_sku();
    world.publish(&[received(&sku, 1)]).await;
    let mut other = received(&sku, 1);
    other.id = EventId(Uuid::new_v4());
    world.publish(&[other, received(&sku, 2)]).await;
    stops(&running, "projection-stock", &["diverged", &sku.stock().to_string()]).await;
    assert_eq!(world.version("stock", &sku.stock()).await, 1);
    running.stop().await;
}
