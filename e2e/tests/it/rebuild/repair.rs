//! Documents and lists are damaged in Redis while customers come and go: an audit names them and no others, and has them made anew.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use read_model::{Document, Places, Target};
use redis::Cmd;
use schemas::StreamId;
use serde_json::Value;
use stack::eventually;

use super::shop::{Shop, Tally};
use super::{HEALER, ORDERS};
use crate::world::{SETTLED, World};

/// Orders of which some are damaged.
const EXHIBITS: usize = 40;

/// A list that all of them stand in, and one that none does.
const LISTS: [&str; 2] = ["status:REJECTED", "status:PAID"];

/// A document, and its places in the lists.
type Exhibit = (Document, Vec<Option<i64>>);
/// Orders by stream, as they were before.
type Exhibits = BTreeMap<StreamId, Exhibit>;

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_was_damaged_is_found_and_made_anew_on_a_live_system() {
    let world = World::alone().await;
    let target = Target { projection: ORDERS, generation: world.generations().await.live };
    let exhibits = exhibits(&world, &target, Shop::open(&world, EXHIBITS).await.orders()).await;
    let shop = Shop::open(&world, 10).await;
    // It would make deleted documents good before an audit can find them.
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
        let found: Vec<_> = shown(world, target, &orders).await.into_iter().collect::<Option<_>>()?;
        let has_ended = |(document, _): &Exhibit| status(document).is_some_and(|status| status == "REJECTED");
        found.iter().all(has_ended).then(|| orders.iter().cloned().zip(found).collect())
    })
    .await
}

/// What is shown of these orders, in their order.
async fn shown(world: &World, target: &Target, orders: &[StreamId]) -> Vec<Option<Exhibit>> {
    let mut raw = world.raw().await;
    let documents = world.read_model().documents(target, orders).await.expect("the documents");
    let mut shown = Vec::new();
    for (stream, document) in orders.iter().zip(documents) {
        let mut places = Vec::new();
        for list in LISTS {
            let place = Cmd::zscore(key_of_list(target, list), stream.as_str());
            places.push(place.query_async(&mut raw).await.expect("a place"));
        }
        shown.push(document.map(|document| (document, places)));
    }
    shown
}

fn key_of_list(target: &Target, list: &str) -> String {
    format!("{{orders}}:g{}:l:{list}", target.generation)
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
    assert_eq!(world.read_model().repairs(&[*target]).await.expect("the requests"), [Places::new()]);
    let clean = world.answer("audit orders", 0).await;
    assert_eq!(clean["items"].as_array().map(Vec::len), Some(1), "seed {seed}: {clean}");
}

/// Damages some of them; says which.
async fn damage(world: &World, target: &Target, exhibits: &Exhibits, mut random: StdRng) -> BTreeSet<String> {
    let mut raw = world.raw().await;
    let mut damaged = BTreeSet::new();
    let [all, none] = LISTS.map(|list| key_of_list(target, list));
    for (stream, (document, _)) in exhibits {
        let key = format!("{{orders}}:g{}:d:{stream}", target.generation);
        let body = String::from_utf8(document.body.clone().expect("a body")).expect("JSON");
        let blows: &[Cmd] = match random.random_range(0..12) {
            0 => &[Cmd::del(&key)],
            1 => &[Cmd::hset(&key, "b", r#"{"status":"PAID"}"#)],
            2 => &[Cmd::hset(&key, "b", body.replace("REJECTED", "PAID"))],
            3 => &[Cmd::hdel(&key, "b")],
            4 => &[Cmd::hset(&key, "v", 1), Cmd::hdel(&key, "e")],
            5 => &[Cmd::zrem(&all, stream.as_str())],
            6 => &[Cmd::zadd(&all, stream.as_str(), 7)],
            7 => &[Cmd::zadd(&none, stream.as_str(), 7)],
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
    let found = shown(world, target, &streams).await;
    let differing = exhibits.iter().zip(found).filter(|((_, before), now)| now.as_ref() != Some(*before));
    differing.map(|((stream, _), _)| stream.to_string()).collect()
}

/// What an answer names with this action.
fn named(answer: &Value, action: &str) -> BTreeSet<String> {
    let items = answer["items"].as_array().expect("items").iter().filter(|item| item["action"] == action);
    items.map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}
