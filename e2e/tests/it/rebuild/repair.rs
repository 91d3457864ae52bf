//! Documents are damaged in Redis while customers come and go: an audit names them and no others, and has them made anew.

use std::collections::{BTreeMap, BTreeSet};

use read_model::{Document, Target};
use schemas::StreamId;
use serde_json::Value;
use stack::eventually;

use super::ORDERS;
use super::shop::{Shop, Tally};
use crate::world::{SETTLED, World};

/// Orders of which some are damaged.
const EXHIBITS: usize = 40;

/// Documents by stream, as they were before.
type Exhibits = BTreeMap<StreamId, Document>;

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_was_damaged_is_found_and_made_anew_on_a_live_system() {
    let world = World::enter().await;
    let _past = Shop::open(&world, EXHIBITS).await;
    let target = Target { projection: ORDERS, generation: world.generations().await.live };
    let exhibits = exhibits(&world, &target).await;
    let shop = Shop::open(&world, 10).await;
    let Tally { read, written, failed, stale } = shop.open_during(damage_and_repair(&world, &target, &exhibits)).await;
    assert_eq!((failed, stale), (Vec::new(), Vec::new()), "{read} reads, {written} writes");
    assert!(written > 10, "{written} writes");
    let _ledger = world.settle().await;
}

/// The newest orders, once nothing happens to them any more.
async fn exhibits(world: &World, target: &Target) -> Exhibits {
    let mut newest = redis::cmd("ZRANGE");
    newest.arg(format!("{{orders}}:g{}:l:all", target.generation)).arg(0).arg(EXHIBITS - 1).arg("REV");
    let newest: Vec<String> = newest.query_async(&mut world.raw().await).await.expect("a list");
    let streams: Vec<_> = newest.iter().map(|name| StreamId::parse(name).expect("an order")).collect();
    eventually("the orders have ended", SETTLED, async || {
        let found = world.read_model().documents(target, &streams).await.ok()?;
        let found: Option<Vec<Document>> = found.into_iter().collect();
        let has_ended = |document: &Document| {
            let body: Option<Value> = serde_json::from_slice(document.body.as_deref()?).ok();
            (body?["status"] == "REJECTED").then_some(())
        };
        let found = found.filter(|found| found.iter().all(|document| has_ended(document).is_some()))?;
        Some(streams.iter().cloned().zip(found).collect())
    })
    .await
}

async fn damage_and_repair(world: &World, target: &Target, exhibits: &Exhibits) {
    let clean = world.answer("audit orders", 0).await;
    assert_eq!(clean["items"].as_array().map(Vec::len), Some(1), "{clean}");

    let seed: u64 = rand::random();
    let damaged = damage(world, target, exhibits, seed).await;
    let plan = world.answer("audit orders --repair", 1).await;
    assert_eq!((&plan["executed"], named(&plan, "change")), (&Value::from(false), damaged.clone()), "seed {seed}");
    let done = world.answer("audit orders --repair --execute", 0).await;
    assert_eq!((&done["executed"], named(&done, "change")), (&Value::from(true), damaged), "seed {seed}: {done}");

    let clean = world.answer("audit orders", 0).await;
    assert_eq!(clean["items"].as_array().map(Vec::len), Some(1), "seed {seed}: {clean}");
    let streams: Vec<_> = exhibits.keys().cloned().collect();
    let found = world.read_model().documents(target, &streams).await.expect("the documents");
    assert!(found.iter().flatten().eq(exhibits.values()), "seed {seed}");
    assert_eq!(world.read_model().repairs(&[*target]).await.expect("the requests"), [BTreeSet::new()]);
}

/// Damages some of them; says which.
async fn damage(world: &World, target: &Target, exhibits: &Exhibits, seed: u64) -> BTreeSet<String> {
    let mut raw = world.raw().await;
    let mut damaged = BTreeSet::new();
    for (number, stream) in (0..).zip(exhibits.keys()) {
        let key = format!("{{orders}}:g{}:d:{stream}", target.generation);
        let words: &[&str] = match seed.rotate_left(number * 7) % 5 {
            0 => &["DEL", &key],
            1 => &["HSET", &key, "b", r#"{"status":"PAID"}"#],
            2 => &["HDEL", &key, "b"],
            _ => continue,
        };
        let _how_much: i64 = redis::cmd(words[0]).arg(&words[1..]).query_async(&mut raw).await.expect("Redis");
        damaged.insert(stream.to_string());
    }
    damaged
}

/// What an answer names with this action.
fn named(answer: &Value, action: &str) -> BTreeSet<String> {
    let items = answer["items"].as_array().expect("items").iter().filter(|item| item["action"] == action);
    items.map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}
