//! Documents are damaged in Redis while customers come and go: an audit names them and no others, and has them made anew.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use read_model::{Document, Target};
use redis::Cmd;
use schemas::StreamId;
use serde_json::Value;
use stack::eventually;

use super::ORDERS;
use super::shop::{Shop, Tally};
use crate::world::{SETTLED, World};

/// Orders of which some are damaged.
const EXHIBITS: usize = 40;
/// Whoever heals silent tails would make deleted documents good before an audit can find them.
const HEALER: &str = "steward";

/// Documents by stream, as they were before.
type Exhibits = BTreeMap<StreamId, Document>;

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_was_damaged_is_found_and_made_anew_on_a_live_system() {
    let world = World::alone().await;
    let target = Target { projection: ORDERS, generation: world.generations().await.live };
    let exhibits = exhibits(&world, &target, Shop::open(&world, EXHIBITS).await.orders()).await;
    let shop = Shop::open(&world, 10).await;
    world.system.stop(HEALER).await.expect("a steward that ends");
    let Tally { read, written, failed, stale } = shop.open_during(damage_and_repair(&world, &target, &exhibits)).await;
    world.system.start(HEALER).await.expect("a steward that is ready again");
    assert_eq!((failed, stale), (Vec::new(), Vec::new()), "{read} reads, {written} writes");
    assert!(read > 0 && written > 0, "{read} reads, {written} writes");
    let _ledger = world.settle().await;
}

/// What is shown of these orders, once nothing happens to them any more.
async fn exhibits(world: &World, target: &Target, orders: Vec<StreamId>) -> Exhibits {
    eventually("the orders have ended", SETTLED, async || {
        let found = world.read_model().documents(target, &orders).await.ok()?;
        let found: Option<Vec<Document>> = found.into_iter().collect();
        let has_ended = |document: &Document| status(document).is_some_and(|status| status == "REJECTED");
        let found = found.filter(|found| found.iter().all(has_ended))?;
        Some(orders.iter().cloned().zip(found).collect())
    })
    .await
}

fn status(document: &Document) -> Option<String> {
    let body: Value = serde_json::from_slice(document.body.as_deref()?).ok()?;
    Some(body["status"].as_str()?.to_owned())
}

async fn damage_and_repair(world: &World, target: &Target, exhibits: &Exhibits) {
    let seed: u64 = rand::random();
    let damaged = damage(world, target, exhibits, StdRng::seed_from_u64(seed)).await;
    // What was deleted may be on its way, to an audit, until the projector says that it was at the end of its log.
    eventually(&format!("all of {damaged:?} is found, seed {seed}"), SETTLED * 2, async || {
        let plan = world.answer("audit orders --repair", 1).await;
        let found = named(&plan, "change");
        assert!(found.is_subset(&damaged), "seed {seed}: of {damaged:?} in {plan}");
        assert_eq!(plan["executed"], false);
        (found == damaged).then_some(())
    })
    .await;
    assert_eq!(differing(world, target, exhibits).await, damaged, "seed {seed}: a plan repairs nothing");

    let mut repaired = BTreeSet::new();
    eventually(&format!("all of {damaged:?} is made anew, seed {seed}"), SETTLED * 2, async || {
        let done = world.answer("audit orders --repair --execute", 0).await;
        repaired.append(&mut named(&done, "change"));
        assert!(repaired.is_subset(&damaged), "seed {seed}: of {damaged:?} in {done}");
        (repaired == damaged).then_some(())
    })
    .await;
    assert_eq!(differing(world, target, exhibits).await, BTreeSet::new(), "seed {seed}");
    assert_eq!(world.read_model().repairs(&[*target]).await.expect("the requests"), [BTreeSet::new()]);
    let clean = world.answer("audit orders", 0).await;
    assert_eq!(clean["items"].as_array().map(Vec::len), Some(1), "seed {seed}: {clean}");
}

/// Damages some of them; says which.
async fn damage(world: &World, target: &Target, exhibits: &Exhibits, mut random: StdRng) -> BTreeSet<String> {
    let mut raw = world.raw().await;
    let mut damaged = BTreeSet::new();
    for (stream, document) in exhibits {
        let key = format!("{{orders}}:g{}:d:{stream}", target.generation);
        let body = String::from_utf8(document.body.clone().expect("a body")).expect("JSON");
        let blows: &[Cmd] = match random.random_range(0..8) {
            0 => &[Cmd::del(&key)],
            1 => &[Cmd::hset(&key, "b", r#"{"status":"PAID"}"#)],
            2 => &[Cmd::hset(&key, "b", body.replace("REJECTED", "PAID"))],
            3 => &[Cmd::hdel(&key, "b")],
            4 => &[Cmd::hset(&key, "v", 1), Cmd::hdel(&key, "e")],
            _ => continue,
        };
        for blow in blows {
            let _how_much: i64 = blow.query_async(&mut raw).await.expect("Redis");
        }
        damaged.insert(stream.to_string());
    }
    damaged
}

/// The orders that are not shown as they were.
async fn differing(world: &World, target: &Target, exhibits: &Exhibits) -> BTreeSet<String> {
    let streams: Vec<_> = exhibits.keys().cloned().collect();
    let found = world.read_model().documents(target, &streams).await.expect("the documents");
    let differing = exhibits.iter().zip(found).filter(|((_, before), now)| now.as_ref() != Some(*before));
    differing.map(|((stream, _), _)| stream.to_string()).collect()
}

/// What an answer names with this action.
fn named(answer: &Value, action: &str) -> BTreeSet<String> {
    let items = answer["items"].as_array().expect("items").iter().filter(|item| item["action"] == action);
    items.map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}
