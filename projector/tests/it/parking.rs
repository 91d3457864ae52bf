//! A record that cannot be decoded or applied parks its stream, visibly; the others go on, and it can be made good.

use std::collections::BTreeMap;

use read_model::{Cause, Origin, Parked, Released};
use schemas::{
    AnyEvent, Money, ProductEvent, ProductRegistered, ProductRenamed, Recorded, Sku, StockEvent, StockReceived,
    Timestamp, Version,
};
use stack::servers::Kafka;
use stack::testing::{self, eventually};
use uuid::Uuid;
use views::{ProductView, StockView};

use crate::world::{SOON, World, prepared, recorded, shared};

fn fresh_sku() -> Sku {
    Sku::parse(&Uuid::new_v4().simple().to_string()).unwrap()
}

fn received(sku: &Sku, version: u32, quantity: i64) -> Recorded<AnyEvent> {
    recorded(&sku.stock(), version, StockEvent::Received(StockReceived { sku: sku.clone(), quantity, reason: None }))
}

/// Three deliveries to each of these.
fn deliveries(skus: &[Sku]) -> Vec<Recorded<AnyEvent>> {
    (1..=3).flat_map(|version| skus.iter().map(move |sku| received(sku, version, 7))).collect()
}

/// The parked streams, once there are so many.
async fn parked(world: &World, projection: &'static str, count: usize) -> Vec<Parked> {
    eventually("the streams are parked", SOON, async || {
        let parked = world.read_model.parked(&world.views_of(projection)).await.ok()?;
        (parked.len() == count).then_some(parked)
    })
    .await
}

/// Seen to fail when such a record stops its partition (`poison-stops-its-partition`).
#[tokio::test(flavor = "multi_thread")]
async fn poison_parks_its_own_stream_and_after_a_redrive_the_views_equal_a_clean_run() {
    let kafka: Kafka = testing::own().await;
    let world = World::new(prepared(kafka.url()).await).await;
    let running = world.project("one", "stock");
    let (broken, refused, unknown) = (fresh_sku(), fresh_sku(), fresh_sku());
    let others: Vec<_> = (0..60).map(|_| fresh_sku()).collect();
    let clean = deliveries(&others);
    let (before, after) = clean.split_at(70);

    let topic = "stock.events.v1";
    let poisoned = [&broken, &refused, &unknown];
    world.publish(&poisoned.map(|sku| received(sku, 1, 7))).await;
    world.publish(before).await;
    world.garbage(topic, &broken.stock(), Some(2), "orderflow.stock.StockReceived").await;
    world.publish(&[received(&refused, 2, i64::MAX)]).await;
    world.garbage(topic, &unknown.stock(), Some(2), "orderflow.stock.StockCounted").await;
    world.publish(&poisoned.map(|sku| received(sku, 3, 7))).await;
    world.publish(after).await;

    world.shows::<StockView>(&clean).await;
    let entries = parked(&world, "stock", 3).await;
    let causes: BTreeMap<_, _> = entries.iter().map(|one| (one.stream.clone(), one.entry.cause)).collect();
    let expected = [(&broken, Cause::Undecodable), (&refused, Cause::Unfoldable), (&unknown, Cause::UnknownType)];
    assert_eq!(causes, expected.map(|(sku, cause)| (sku.stock(), cause)).into_iter().collect());
    for Parked { stream, entry, .. } in &entries {
        assert_eq!((world.version("stock", stream).await, entry.version), (1, Some(Version(2))), "{entry:?}");
    }
    let gaps: Vec<_> = world.read_model.gaps(&world.views_of("stock")).await.unwrap();
    assert_eq!(gaps.iter().map(|gap| gap.highest).collect::<Vec<_>>(), [Version(3); 3]);
    assert!(running.0.health.is_ready(), "{:?}", running.reason("projection-stock"));

    // What somebody published again before the streams were let go changes nothing.
    let healed: Vec<_> =
        poisoned.iter().flat_map(|sku| [received(sku, 2, 7), received(sku, 3, 7), received(sku, 4, 7)]).collect();
    world.publish(&healed).await;
    eventually("it was seen", SOON, async || {
        let gaps = world.read_model.gaps(&world.views_of("stock")).await.ok()?;
        gaps.iter().all(|gap| gap.highest == Version(4)).then_some(())
    })
    .await;
    for parked in &entries {
        let released = world.read_model.redrive(&world.views_of("stock"), parked, Version(4)).await.unwrap();
        assert_eq!(released, Released::Done { stored: Version(1) });
    }
    world.publish(&healed).await;
    let whole = poisoned.map(|sku| received(sku, 1, 7)).into_iter().chain(healed).chain(clean);
    world.shows::<StockView>(&whole.collect::<Vec<_>>()).await;
    assert_eq!(world.read_model.gaps(&world.views_of("stock")).await.unwrap(), []);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_limit_a_partition_stands_still_until_an_entry_is_gone() {
    let kafka: Kafka = testing::own().await;
    let world = World::new(prepared(kafka.url()).await).await;
    let running = world.project("one", "products");
    let topic = "products.events.v1";
    for _ in 0..read_model::MAX_PARKED {
        world.garbage(topic, &fresh_sku().product(), None, "orderflow.product.ProductRegistered").await;
    }
    let entries = parked(&world, "products", read_model::MAX_PARKED).await;
    assert!(running.0.health.is_ready());
    let (one_more, behind) = (fresh_sku(), fresh_sku());
    world.garbage(topic, &one_more.product(), Some(1), "orderflow.product.ProductRegistered").await;
    let reason = eventually("the partition stands still", SOON, async || running.reason("projection-products")).await;
    let words =
        ["100 streams are parked", one_more.product().as_str(), "ops parked ls"].map(|word| reason.contains(word));
    assert_eq!(words, [true; 3], "{reason}");
    assert!(!running.0.health.is_ready());

    let target = world.views_of("products");
    let because = ("no event", Timestamp::from_micros(1), Origin::Stranger);
    let discarded = world.read_model.discard(&target, &entries[0], Version::NONE, because);
    assert_eq!(discarded.await.unwrap(), Released::Done { stored: Version::NONE });
    eventually("it goes on", SOON, async || running.0.health.is_ready().then_some(())).await;
    let entries = parked(&world, "products", read_model::MAX_PARKED).await;
    assert!(entries.iter().any(|parked| parked.stream == one_more.product()));
    world.publish(&[registered(&behind)]).await;
    world.shows::<ProductView>(&[registered(&behind)]).await;
    running.stop().await;
}

fn registered(sku: &Sku) -> Recorded<AnyEvent> {
    let price = Money { amount: 5, currency: schemas::Currency::parse("EUR").unwrap() };
    let registered = ProductRegistered { sku: sku.clone(), name: "Lamp".to_owned(), price };
    recorded(&sku.product(), 1, ProductEvent::Registered(registered))
}

fn renamed(sku: &Sku) -> Recorded<AnyEvent> {
    recorded(&sku.product(), 2, ProductEvent::Renamed(ProductRenamed { name: "Light".to_owned() }))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_build_that_knows_an_events_type_lets_its_stream_go_on() {
    let world = World::new(shared().await).await;
    let (known, unknown) = (fresh_sku(), fresh_sku());
    let running = world.project("one", "products");
    for sku in [&known, &unknown] {
        world.garbage("products.events.v1", &sku.product(), Some(1), "orderflow.product.ProductPraised").await;
    }
    let mine = async || {
        let parked = world.read_model.parked(&world.views_of("products")).await.ok()?;
        let mine = parked.into_iter().filter(|one| [known.product(), unknown.product()].contains(&one.stream));
        Some(mine.collect::<Vec<_>>()).filter(|mine| mine.len() == 2)
    };
    eventually("both are parked", SOON, mine).await;
    running.stop().await;
    // To the next build, one of the types is a known one.
    world.rename_parked_type(&known.product(), "products", "ProductPraised", "ProductRegistered").await;

    let running = world.project("one", "products");
    world.publish(&[registered(&known), renamed(&known)]).await;
    world.shows::<ProductView>(&[registered(&known), renamed(&known)]).await;
    world.publish(&[registered(&unknown)]).await;
    eventually("it was seen", SOON, async || {
        let gaps = world.read_model.gaps(&world.views_of("products")).await.ok()?;
        gaps.iter().any(|gap| gap.stream == unknown.product()).then_some(())
    })
    .await;
    assert_eq!(world.version("products", &unknown.product()).await, 0);
    running.stop().await;
}
