//! A log without its beginning: a generation that is filled from it lacks what was cut off, until that is published again.
//! Here by hand; the steward, which would see it within seconds, is away.

use rdkafka::admin::AdminOptions;
use rdkafka::{Offset, TopicPartitionList};
use schemas::Aggregate;
use serde_json::Value;
use stack::eventually;

use super::shop::{Shop, Tally};
use super::{HEALER, ORDERS};
use crate::healing::{HEALED, administrator};
use crate::world::{SETTLED, World};

/// Orders of which the log no longer knows that they were placed.
const FORGOTTEN: usize = 60;
const TOPIC: &str = Aggregate::Order.topic();

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_its_beginning_fills_a_generation_once_mongodb_has_published_it_again() {
    let world = World::alone().await;
    let shop = Shop::open(&world, FORGOTTEN).await;
    let _ = world.settle().await;
    world.system.stop(HEALER).await.expect("a steward that ends");
    cut_off(&world).await;
    let Tally { read, written, failed, stale } = shop.open_during(rebuild(&world, &shop)).await;
    world.system.start(HEALER).await.expect("a steward that is ready again");
    assert_eq!((failed, stale), (Vec::new(), Vec::new()), "{read} reads, {written} writes");
    let _ = world.settle_within(HEALED).await;
}

/// Deletes every record that the topic has.
async fn cut_off(world: &World) {
    let admin = administrator(world);
    let metadata = admin.inner().fetch_metadata(Some(TOPIC), SETTLED).expect("the topic");
    let mut all = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        all.add_partition_offset(TOPIC, partition.id(), Offset::End).expect("an offset");
    }
    let deleted = admin.delete_records(&all, &AdminOptions::new()).await.expect("an answer");
    assert!(deleted.elements().iter().all(|partition| partition.error().is_ok()), "{deleted:?}");
}

async fn rebuild(world: &World, shop: &Shop) {
    let plan = world.answer("rebuild orders", 0).await;
    let said = |wanted: &str| {
        let mut items = plan["items"].as_array().expect("items").iter();
        items.any(|item| item["action"] == "look" && item["state"].as_str().is_some_and(|state| state.contains(wanted)))
    };
    assert!(said("ops republish --aggregate orders --execute"), "{plan}");

    let before = world.generations().await.live;
    world.answer("rebuild orders --execute --rate 0", 0).await;
    let refused = world.answer("rebuild orders --verify", 2).await;
    let missing = |item: &&Value| item["state"].as_str().is_some_and(|state| state.contains("not there in"));
    let missing = refused["items"].as_array().expect("items").iter().filter(missing).count();
    assert!(missing > 0, "{refused}");

    world.answer("republish --aggregate orders --execute", 0).await;
    eventually("both generations show the same", HEALED, async || {
        let compared = world.ops("rebuild orders --verify").output().await.expect("the ops binary");
        compared.status.success().then_some(())
    })
    .await;
    world.answer(&format!("projections switch {ORDERS} --execute"), 0).await;
    assert_ne!(world.generations().await.live, before);
    shop.goes_on(100).await;
}
