//! An order's whole way by itself: pieces are held, the money is taken, the pieces are handed out; or all of it is taken
//! back. The laws of conservation hold at the end of each.

use std::collections::BTreeMap;

use domain::payment::{Payment, PaymentState};
use domain::stock::Stock;
use domain::{Aggregate as _, fold};
use e2e::client::{LoggedIn, Request, order_of};
use e2e::ledger::Ledger;
use e2e::provider;
use e2e::socket::Socket;
use schemas::{Event as _, OrderId, PaymentEvent, Sku, StockEvent, StreamId};
use serde_json::{Value, json};
use stack::eventually;

use crate::explained;
use crate::world::{SETTLED, World};

/// What one piece costs, in euro cents.
pub(crate) const PRICE: i64 = 250;

/// A product of which there are so many pieces.
pub(crate) async fn product(world: &World, name: &str, pieces: i64) -> String {
    let sku = World::name(name);
    let _ = world.gateway.product(&world.admin, &sku, PRICE).await;
    if pieces > 0 {
        receive(world, &sku, pieces).await;
    }
    sku
}

pub(crate) async fn receive(world: &World, sku: &str, pieces: i64) {
    let body = Request::by(&world.admin).json(json!({ "quantity": pieces }));
    let _ = world.gateway.post(&format!("/commands/products/{sku}/stock"), body).await.expect(200);
}

/// An order of two pieces, paid with this method.
pub(crate) async fn place(world: &World, user: &LoggedIn, sku: &str, method: &str) -> OrderId {
    let mut body = order_of(user, sku, 2);
    body["paymentMethod"] = json!(method);
    let placed = world.gateway.post("/commands/orders", Request::by(user).json(body)).await.expect(201);
    OrderId::parse(&placed.text("orderId")).expect("an order id")
}

/// An order of two pieces, placed by the operators' command line: a plan places nothing, and a key places one order.
async fn place_by_hand(world: &World, user: &LoggedIn, sku: &str) -> OrderId {
    let (gateway, LoggedIn { id, token, .. }) = (world.system.gateway(), user);
    let wish = |pieces: u32| {
        format!(
            "order place --user {id} --item {sku}={pieces} --payment-method pm_card_visa --gateway {gateway} --token {token}"
        )
    };
    let plan = world.answer(&wish(2), 0).await;
    let key = plan["idempotencyKey"].as_str().expect("a key").to_owned();
    assert_eq!((&plan["executed"], plan.get("orderId")), (&json!(false), None), "{plan}");
    let none = world.gateway.get("/queries/orders", Request::by(user)).await.expect(200);
    assert_eq!(none.body["count"], 0, "a plan places nothing: {none:?}");
    let placed = world.answer(&format!("{} --key {key} --execute", wish(2)), 0).await;
    let again = world.answer(&format!("{} --key {key} --execute", wish(2)), 0).await;
    assert_eq!((&placed["replayed"], &again["replayed"]), (&json!(false), &json!(true)), "{placed} {again}");
    assert_eq!(placed["orderId"], again["orderId"]);
    let refused = world.answer(&format!("{} --key {key} --execute", wish(3)), 2).await;
    assert!(refused["items"][0]["state"].as_str().expect("a reason").contains("idempotency_key_reused"), "{refused}");
    OrderId::parse(placed["orderId"].as_str().expect("an id")).expect("an order id")
}

pub(crate) async fn status(world: &World, order: &OrderId) -> Option<String> {
    let answer = world.gateway.get(&format!("/queries/orders/{order}"), Request::by(&world.admin)).await;
    answer.body.pointer("/order/status").and_then(Value::as_str).map(str::to_owned)
}

pub(crate) async fn becomes(world: &World, order: &OrderId, wanted: &str) {
    let what = format!("{order} becomes {wanted}");
    eventually(&what, SETTLED, async || (status(world, order).await.as_deref() == Some(wanted)).then_some(())).await;
}

/// What the provider charged for each payment: minor units taken and given back, one pair per charge.
pub(crate) async fn charged(world: &World) -> BTreeMap<String, Vec<(i64, i64)>> {
    let charges = provider::charges(&world.system).await.into_iter();
    charges.map(|(payment, charges)| (payment, charges.iter().map(provider::taken_and_given_back).collect())).collect()
}

/// What the provider charged for an order.
async fn charges(world: &World, order: &OrderId) -> Vec<(i64, i64)> {
    charged(world).await.remove(order.payment().as_str()).unwrap_or_default()
}

/// How many pieces of a SKU there are and how many of them are held, as its events say.
pub(crate) fn stock(ledger: &Ledger, sku: &str) -> (i64, i64) {
    let stream = Sku::parse(sku).expect("a SKU").stock();
    let events = ledger.get(&stream).into_iter().flatten();
    let events: Vec<_> = events.filter_map(|event| StockEvent::from_any(event.event.clone())).collect();
    fold::<Stock>(&events).map_or((0, 0), |stock| (stock.on_hand, stock.holds.total()))
}

/// Minor units that were taken for an order and not given back, as the payment's events say.
pub(crate) fn net(ledger: &Ledger, order: &OrderId) -> i64 {
    let events = ledger.get(order.payment().stream()).into_iter().flatten();
    let events = events.filter_map(|event| PaymentEvent::from_any(event.event.clone()));
    let state = events.fold(None, |state, event| Payment::evolve(state, &event));
    let Some(PaymentState::Captured(taken)) = state else { return 0 };
    taken.hold.details.amount.amount - taken.refunded()
}

/// The name of the last event of an order.
pub(crate) fn last(ledger: &Ledger, order: &OrderId) -> &'static str {
    ledger.get(order.stream()).and_then(|events| events.last()).map_or("", |event| event.event.name())
}

fn names(ledger: &Ledger, stream: &StreamId) -> Vec<&'static str> {
    ledger.get(stream).into_iter().flatten().map(|event| event.event.name()).collect()
}

/// Money and pieces are where the orders say, whatever became of each; returns how many of them are paid.
pub(crate) async fn check_conservation(world: &World, sku: &str, (received, orders): (i64, &[OrderId])) -> usize {
    let ledger = world.settle().await;
    let charged = charged(world).await;
    let mut ends = BTreeMap::<&str, usize>::new();
    for order in orders {
        let end = last(&ledger, order);
        *ends.entry(end).or_default() += 1;
        let paid = if end == "OrderPaid" { 2 * PRICE } else { 0 };
        assert_eq!(net(&ledger, order), paid, "the money of {order}, which ended with {end}");
        let charges = charged.get(order.payment().as_str()).map(Vec::as_slice).unwrap_or_default();
        let net: i64 = charges.iter().map(|(taken, given_back)| taken - given_back).sum();
        assert!(charges.len() <= 1, "{order} was charged {} times", charges.len());
        assert_eq!(net, paid, "what the provider took for {order}, which ended with {end}");
        assert!(matches!(end, "OrderPaid" | "OrderRejected" | "OrderCancelled"), "{order} ended with {end}");
    }
    let paid = ends.get("OrderPaid").copied().unwrap_or_default();
    let gone = 2 * i64::try_from(paid).expect("few orders");
    assert_eq!(stock(&ledger, sku), (received - gone, 0), "pieces of {sku} in the house, and held: {ends:?}");
    paid
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_with_stock_is_paid_by_itself_and_goes_its_way() {
    let world = World::enter().await;
    let sku = product(&world, "STOCKED", 5).await;
    let user = world.gateway.user(&World::name("buyer")).await;
    let _screen = Socket::open(&world.gateway, world.system.gateway(), &user, None).await.expect("a socket");
    let order = place_by_hand(&world, &user, &sku).await;
    becomes(&world, &order, "PAID").await;
    assert_eq!(check_conservation(&world, &sku, (5, std::slice::from_ref(&order))).await, 1);
    assert_eq!(charges(&world, &order).await, [(2 * PRICE, 0)]);

    let (ship, deliver) = (format!("/commands/orders/{order}/ship"), format!("/commands/orders/{order}/deliver"));
    let parcel = json!({ "carrier": "DHL", "tracking": "JJD 1" });
    let _ = world.gateway.post(&ship, Request::by(&user).json(parcel.clone())).await.expect(403);
    let early = world.gateway.post(&deliver, Request::by(&world.admin)).await.expect(409);
    assert_eq!(early.text("code"), "order_status_conflict");
    let _ = world.gateway.post(&ship, Request::by(&world.admin).json(parcel)).await.expect(200);
    let cancel = Request::by(&user).json(json!({}));
    let late = world.gateway.post(&format!("/commands/orders/{order}/cancel"), cancel).await.expect(409);
    assert_eq!(late.text("code"), "order_not_cancellable");
    let _ = world.gateway.post(&deliver, Request::by(&world.admin)).await.expect(200);
    becomes(&world, &order, "DELIVERED").await;
    let ledger = world.settle().await;
    assert_eq!(
        names(&ledger, order.stream()),
        ["OrderPlaced", "OrderReserved", "OrderPaid", "OrderShipped", "OrderDelivered"]
    );
    explained::check(&world, &ledger, &order).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_stock_is_rejected() {
    let world = World::enter().await;
    let (there, lacking) = (product(&world, "THERE", 5).await, product(&world, "LACKING", 1).await);
    let user = world.gateway.user(&World::name("unlucky")).await;
    let items = json!([{ "sku": there, "qty": 2 }, { "sku": lacking, "qty": 2 }]);
    let body = Request::by(&user).json(json!({ "userId": user.id, "items": items }));
    let placed = world.gateway.post("/commands/orders", body).await.expect(201);
    let order = OrderId::parse(&placed.text("orderId")).expect("an order id");
    becomes(&world, &order, "REJECTED").await;
    let ledger = world.settle().await;
    assert_eq!((stock(&ledger, &there), stock(&ledger, &lacking)), ((5, 0), (1, 0)), "nothing stays held");
    assert_eq!(names(&ledger, order.payment().stream()), Vec::<&str>::new(), "nobody was asked to pay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_calls_the_order_off_and_releases_its_pieces() {
    let world = World::enter().await;
    let sku = product(&world, "DECLINED", 5).await;
    let user = world.gateway.user(&World::name("broke")).await;
    let order = place(&world, &user, &sku, "pm_card_chargeDeclined").await;
    becomes(&world, &order, "CANCELLED").await;
    assert_eq!(check_conservation(&world, &sku, (5, std::slice::from_ref(&order))).await, 0);
    let history = world.gateway.get(&format!("/queries/orders/{order}/history"), Request::by(&user)).await.expect(200);
    assert_eq!(history.body.pointer("/events/2/data/cause"), Some(&json!("payment_failed")), "{history:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_charges_once() {
    let world = World::enter().await;
    let sku = product(&world, "LOST", 5).await;
    let user = world.gateway.user(&World::name("patient")).await;
    let order = place(&world, &user, &sku, "pm_orderflow_timeoutThenApproved").await;
    becomes(&world, &order, "PAID").await;
    assert_eq!(check_conservation(&world, &sku, (5, std::slice::from_ref(&order))).await, 1);
    assert_eq!(charges(&world, &order).await, [(2 * PRICE, 0)], "one charge");
    let ledger = world.ledger().await;
    assert!(names(&ledger, order.payment().stream()).contains(&"PaymentMarkedUnknown"), "the answer was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_called_off_while_or_after_it_is_paid_leaves_no_money_and_no_pieces() {
    let world = World::enter().await;
    let sku = product(&world, "REGRETTED", 10).await;
    let user = world.gateway.user(&World::name("fickle")).await;
    let paying = place(&world, &user, &sku, "pm_orderflow_slow").await;
    becomes(&world, &paying, "RESERVED").await;
    let paid = place(&world, &user, &sku, "pm_card_visa").await;
    becomes(&world, &paid, "PAID").await;
    for order in [&paying, &paid] {
        let cancel = Request::by(&user).json(json!({ "reason": "changed my mind" }));
        let _ = world.gateway.post(&format!("/commands/orders/{order}/cancel"), cancel).await.expect(200);
    }
    assert_eq!(check_conservation(&world, &sku, (10, &[paying, paid])).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_fulfilments_by_their_state() {
    let world = World::enter().await;
    let sku = product(&world, "SEEN", 5).await;
    let user = world.gateway.user(&World::name("seen")).await;
    let order = place(&world, &user, &sku, "pm_card_visa").await;
    becomes(&world, &order, "PAID").await;
    let _ = world.settle().await;
    let _ = world.gateway.get("/ops/fulfilment", Request::by(&user)).await.expect(403);
    let page =
        world.gateway.get("/ops/fulfilment?state=COMPLETED&limit=1", Request::by(&world.admin)).await.expect(200);
    let newest = page.body.pointer("/fulfilments/0").expect("a fulfilment");
    assert_eq!((newest.get("orderId"), newest.get("result")), (Some(&json!(order)), Some(&json!("fulfilled"))));
    let _ = world.gateway.get("/ops/fulfilment?state=completed", Request::by(&world.admin)).await.expect(400);
    for what in ["retry", "compensate", "abort"] {
        let path = format!("/ops/fulfilment/{order}/{what}");
        let body = json!({ "reason": "the customer called" });
        let _ = world.gateway.post(&path, Request::by(&user).json(body.clone())).await.expect(403);
        let refused = world.gateway.post(&path, Request::by(&world.admin).json(body)).await.expect(409);
        assert_eq!(refused.text("code"), "fulfilment_not_operable");
    }
}
