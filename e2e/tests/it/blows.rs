//! Orders of every kind, called off at any moment, while those who carry them out are killed again and again.

use e2e::client::{LoggedIn, Request, order_of};
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use reqwest::Method;
use schemas::OrderId;
use serde_json::{Value, json};
use stack::{eventually, testing};

use crate::fulfilment::{check_conservation, last, product};
use crate::world::{SETTLED, World};

/// How many orders are under way at each blow.
const ORDERS: usize = 24;
/// How they are paid; some never are.
const METHODS: [&str; 5] =
    ["pm_card_visa", "pm_card_visa", "pm_card_chargeDeclined", "pm_orderflow_timeoutThenApproved", "pm_orderflow_slow"];

/// What a customer does about one order.
#[derive(Debug, Clone, Copy)]
struct Plan {
    method: &'static str,
    /// At which version of it the order is called off, if it is.
    called_off_at: Option<u64>,
}

impl Plan {
    fn random(random: &mut StdRng) -> Self {
        let method = METHODS.choose(random).expect("some methods");
        Self { method, called_off_at: random.random_bool(0.3).then(|| random.random_range(1..=3)) }
    }
}

/// An order, and what its customer was told.
#[derive(Debug)]
struct Told {
    order: OrderId,
    plan: Plan,
    /// Whether the order was called off by its owner, as the answer said.
    called_off: bool,
}

/// Seen to fail when a fulfilment that takes everything back keeps the pieces (`fulfilment-keeps-the-pieces`).
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "a random test tells its seed and what it came to")]
async fn killed_fulfilments_lose_and_double_nothing() {
    let blows = if testing::full() { 10 } else { 2 };
    let world = World::enter().await;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let pieces = i64::try_from(2 * blows * ORDERS).expect("few pieces");
    let sku = product(&world, "KILLED", pieces).await;
    let user = world.gateway.user(&World::name("steadfast")).await;
    let mut told = Vec::new();
    for victim in ["command-api", "command-api-2"].into_iter().cycle().take(blows) {
        let plans: Vec<_> = (0..ORDERS).map(|_| Plan::random(&mut random)).collect();
        let customers = plans.into_iter().map(|plan| buy(&world, &user, &sku, plan));
        let blow = async {
            world.system.kill(victim).await.expect("a killed process");
            world.system.start(victim).await.expect("a process that is ready again");
        };
        let (these, ()) = tokio::join!(join_all(customers), blow);
        told.extend(these);
    }
    let orders: Vec<_> = told.iter().map(|told| told.order.clone()).collect();
    let paid = check_conservation(&world, &sku, (pieces, &orders)).await;
    let ledger = world.ledger().await;
    for Told { order, plan, called_off } in &told {
        let declined = plan.method == "pm_card_chargeDeclined";
        let expected = if declined || *called_off { "OrderCancelled" } else { "OrderPaid" };
        assert_eq!(last(&ledger, order), expected, "{order}: {plan:?}, called off: {called_off}");
    }
    let called_off = told.iter().filter(|told| told.called_off).count();
    println!("{blows} blows, {} orders: {paid} paid, {called_off} called off by their owners", orders.len());
}

/// Places an order, and calls it off when it has come as far as was planned. Each is sent again until it is answered.
async fn buy(world: &World, user: &LoggedIn, sku: &str, plan: Plan) -> Told {
    let mut body = order_of(user, sku, 2);
    body["paymentMethod"] = json!(plan.method);
    let key = uuid::Uuid::new_v4().to_string();
    let placed = sent(world, "/commands/orders", (user, &key, body)).await;
    assert!(placed.0 < 300, "an order must not be refused: {placed:?}");
    let order = OrderId::parse(placed.1["orderId"].as_str().expect("an id")).expect("an order id");
    let Some(version) = plan.called_off_at else { return Told { order, plan, called_off: false } };
    let come_so_far = async || {
        let shown = world.gateway.get(&format!("/queries/orders/{order}"), Request::by(user)).await;
        (shown.body.pointer("/order/version").and_then(Value::as_u64)? >= version).then_some(())
    };
    eventually(&format!("{order} comes to version {version}"), SETTLED, come_so_far).await;
    let path = format!("/commands/orders/{order}/cancel");
    let (status, answer) = sent(world, &path, (user, &key, json!({ "reason": "changed my mind" }))).await;
    assert!(status == 200 || answer["code"] == json!("order_not_cancellable"), "{status} {answer}");
    Told { order, plan, called_off: status == 200 }
}

/// Sends a command until somebody answers it; status and body.
async fn sent(world: &World, path: &str, (user, key, body): (&LoggedIn, &str, Value)) -> (u16, Value) {
    eventually(&format!("{path} is answered"), SETTLED, async || {
        let request = Request::by(user).with("idempotency-key", key).json(body.clone());
        let answer = world.gateway.send(Method::POST, path, request).await.ok()?;
        let status = answer.status.as_u16();
        (status != 429 && status < 500).then_some((status, answer.body))
    })
    .await
}
