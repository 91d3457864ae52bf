//! One key, one effect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use e2e::client::{Gateway, LoggedIn, Request, order_of};
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use tokio::sync::Mutex;

use crate::world::World;

const CLIENTS: u64 = 32;
const PLACEMENTS: usize = 500;
const KEYS: usize = 200;

/// Seen to fail when commands do not look at what they lost to (`commands-do-not-look-at-what-they-lost-to`).
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "a random test tells its seed")]
async fn five_hundred_placements_under_shared_keys_make_one_order_per_key_and_no_stale_read() {
    let world = World::enter().await;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let sku = World::name("KEYS");
    let _ = world.gateway.product(&world.admin, &sku, 250).await;
    let user = world.gateway.user(&World::name("keys")).await;
    let orders: Arc<Mutex<BTreeMap<usize, BTreeSet<String>>>> = Arc::default();
    let clients = (0..CLIENTS).map(|client| {
        let mut random = StdRng::seed_from_u64(seed ^ client);
        let share = PLACEMENTS / 32 + usize::from(client < 20);
        let keys: Vec<usize> = (0..share).map(|_| random.random_range(0..KEYS)).collect();
        place_all(world.gateway.clone(), user.clone(), sku.clone(), keys, orders.clone())
    });
    join_all(clients).await;

    let orders = orders.lock().await;
    for (key, ids) in orders.iter() {
        assert_eq!(ids.len(), 1, "key {key} made {ids:?}");
    }
    let ledger = world.settle().await;
    let committed = ledger.iter().filter(|(_, events)| {
        events.first().and_then(|event| event.owner.as_ref()).is_some_and(|owner| owner.as_str() == user.id)
            && events.first().is_some_and(|event| event.event.name() == "OrderPlaced")
    });
    assert_eq!(committed.count(), orders.len());
}

/// Places one order per key, and reads each with its token at once.
async fn place_all(
    gateway: Gateway,
    user: LoggedIn,
    sku: String,
    keys: Vec<usize>,
    orders: Arc<Mutex<BTreeMap<usize, BTreeSet<String>>>>,
) {
    for key in keys {
        let place = Request::by(&user).with("idempotency-key", format!("key-{key}")).json(order_of(&user, &sku, 1));
        let placed = gateway.post("/commands/orders", place).await;
        assert!(matches!(placed.status.as_u16(), 200 | 201), "{placed:?}");
        let id = placed.text("orderId");
        let read =
            Request::by(&user).with("consistency-token", placed.text("consistencyToken")).with("prefer", "wait=10");
        let _ = gateway.get(&format!("/queries/orders/{id}"), read).await.expect(200);
        orders.lock().await.entry(key).or_default().insert(id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_answered_as_before_and_the_same_key_with_another_body_is_refused() {
    let world = World::enter().await;
    let sku = World::name("RETRY");
    let _ = world.gateway.product(&world.admin, &sku, 250).await;
    let user = world.gateway.user(&World::name("retry")).await;
    let place = |qty| Request::by(&user).with("idempotency-key", "the-key").json(order_of(&user, &sku, qty));
    let first = world.gateway.post("/commands/orders", place(1)).await.expect(201);
    let again = world.gateway.post("/commands/orders", place(1)).await.expect(200);
    assert_eq!(again.text("orderId"), first.text("orderId"));
    assert_eq!(again.text("consistencyToken"), first.text("consistencyToken"));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = world.gateway.post("/commands/orders", place(2)).await.expect(422);
    assert_eq!(other.text("code"), "idempotency_key_reused");

    let stock = |quantity| {
        let body = json!({ "quantity": quantity });
        Request::by(&world.admin).with("idempotency-key", "delivery-1").json(body)
    };
    // Of another product: the order above would take pieces of its own.
    let sku = World::name("DELIVERED");
    let _ = world.gateway.product(&world.admin, &sku, 250).await;
    let path = format!("/commands/products/{sku}/stock");
    let first = world.gateway.post(&path, stock(5)).await.expect(200);
    let again = world.gateway.post(&path, stock(5)).await.expect(200);
    assert_eq!(again.header("consistency-token"), first.header("consistency-token"), "received once");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let _ = world.gateway.post(&path, stock(6)).await.expect(422);
    let read = Request::by(&user).with("consistency-token", first.header("consistency-token").unwrap_or_default());
    let product = world.gateway.get(&format!("/queries/products/{sku}"), read).await.expect(200);
    assert!(product.body.to_string().contains("\"available\":5"), "{product:?}");
    let _ = world.settle().await;
}
