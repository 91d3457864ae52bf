//! Bad input: the right status and code, as problem+json, and nothing is stored.

use e2e::client::{Answer, Request, order_of};
use e2e::ledger::Ledger;
use reqwest::Method;
use schemas::{AnyEvent, OrderEvent, StreamId, Version};
use serde_json::{Value, json};

use crate::world::World;

/// How many events are stored.
fn events(ledger: &Ledger) -> usize {
    ledger.values().map(Vec::len).sum()
}

fn check(what: &str, answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status.as_u16(), status, "{what}: {answer:?}");
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/problem+json"), "{what}: {kind}");
    assert_eq!(answer.body.get("code").and_then(Value::as_str), Some(code), "{what}: {answer:?}");
    assert_eq!(answer.body.get("success"), Some(&json!(false)), "{what}: {answer:?}");
    assert!(answer.body.get("message").is_some_and(Value::is_string), "{what}: {answer:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_orders_are_refused_with_a_reason_and_nothing_is_stored() {
    let world = World::enter().await;
    let sku = World::name("BAD");
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let user = world.gateway.user(&World::name("bad")).await;
    let before = world.settle().await;
    let line = |line: Value| json!({ "userId": user.id, "items": [line] });
    let cases = [
        ("a list", json!([1]), 400, "validation_failed"),
        ("null", Value::Null, 400, "validation_failed"),
        ("no lines", json!({ "userId": user.id, "items": [] }), 400, "empty_order"),
        ("no items", json!({ "userId": user.id }), 400, "validation_failed"),
        ("a float quantity", line(json!({ "sku": sku, "qty": 1.5 })), 400, "validation_failed"),
        ("a text quantity", line(json!({ "sku": sku, "qty": "1" })), 400, "validation_failed"),
        ("no pieces", line(json!({ "sku": sku, "qty": 0 })), 400, "validation_failed"),
        ("too many pieces", line(json!({ "sku": sku, "qty": 1001 })), 400, "validation_failed"),
        ("an absurd quantity", line(json!({ "sku": sku, "qty": 1.0e300 })), 400, "validation_failed"),
        ("an operator", line(json!({ "sku": { "$gt": "" }, "qty": 1 })), 400, "validation_failed"),
        ("a strange SKU", line(json!({ "sku": "a b", "qty": 1 })), 400, "validation_failed"),
        ("an unknown SKU", line(json!({ "sku": "NO-SUCH", "qty": 1 })), 409, "unknown_product"),
        ("a float price", line(json!({ "sku": sku, "qty": 1, "price": 0.1 })), 400, "validation_failed"),
        ("another price", line(json!({ "sku": sku, "qty": 1, "price": 99 })), 409, "price_changed"),
    ];
    for (what, body, status, code) in cases {
        let answer = world.gateway.post("/commands/orders", Request::by(&user).json(body)).await;
        check(what, &answer, status, code);
    }
    let long = Request::by(&user).with("idempotency-key", "k".repeat(256)).json(order_of(&user, &sku, 1));
    check("a long key", &world.gateway.post("/commands/orders", long).await, 400, "bad_idempotency_key");
    let stale = Request::by(&user).with("if-match", "\"7\"").json(order_of(&user, &sku, 1));
    check("a version", &world.gateway.post("/commands/orders", stale).await, 412, "version_mismatch");
    let large = json!({ "userId": user.id, "items": [], "filler": "x".repeat(200_000) });
    check(
        "200 kB",
        &world.gateway.post("/commands/orders", Request::by(&user).json(large)).await,
        413,
        "body_too_large",
    );
    let after = world.ledger().await;
    assert_eq!((after.len(), events(&after)), (before.len(), events(&before)), "something was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_routes_methods_tokens_and_parameters_are_problems_too() {
    let world = World::enter().await;
    let user = world.gateway.user(&World::name("lost")).await;
    let forged = |token: &str| Request { token: Some(token.to_owned()), ..Request::default() };
    let cases = [
        (Method::GET, "/nowhere", Request::default(), 404, "route_not_found"),
        (Method::GET, "/queries/nothing", Request::by(&user), 404, "route_not_found"),
        (Method::DELETE, "/commands/orders", Request::by(&user), 405, "method_not_allowed"),
        (Method::GET, "/queries/orders", Request::default(), 401, "token_required"),
        (Method::GET, "/queries/orders", forged("not.a.token"), 401, "invalid_token"),
        (Method::POST, "/commands/orders", forged("eyJhbGciOiJub25lIn0.e30."), 401, "invalid_token"),
        (Method::GET, "/queries/orders?cursor=%7Bbad%7D", Request::by(&user), 400, "bad_cursor"),
        (Method::GET, "/queries/orders?limit=0", Request::by(&user), 400, "validation_failed"),
        (Method::POST, "/commands/orders", Request::by(&user), 400, "body_required"),
    ];
    for (method, path, request, status, code) in cases {
        let what = format!("{method} {path}");
        let answer = world.gateway.send(method, path, request).await.expect("an answer");
        check(&what, &answer, status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_in_the_register_body_has_no_effect() {
    let world = World::enter().await;
    let email = format!("{}@example.com", World::name("climber"));
    let body = json!({ "email": email, "password": "correct horse battery", "firstName": "A", "lastName": "B", "role": "admin" });
    let registered =
        world.gateway.post("/api/v1/users/register", Request::default().json(body.clone())).await.expect(201);
    assert_eq!(registered.body.pointer("/data/role"), Some(&json!("user")));
    let taken = world.gateway.post("/api/v1/users/register", Request::default().json(body)).await;
    check("a taken e-mail", &taken, 409, "email_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_order_says_of_itself_but_not_of_its_lines_has_no_effect() {
    let world = World::enter().await;
    let sku = World::name("CLAIMED");
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let user = world.gateway.user(&World::name("claimant")).await;
    let claimed = "ord_01890000000070008000000000000001";
    let claims = json!({ "status": "DELIVERED", "totalAmount": 1, "orderId": claimed, "_id": claimed,
        "createdAt": "2001-01-01T00:00:00.000Z", "version": 7 });
    let mut body = order_of(&user, &sku, 2);
    let (all, own) = (claims.as_object().expect("claims"), body.as_object_mut().expect("an order"));
    own.extend(all.clone());
    let place =
        async |body: Value| world.gateway.post("/commands/orders", Request::by(&user).json(body)).await.expect(201);
    let (with, without) = (place(body).await, place(order_of(&user, &sku, 2)).await);
    let id = with.text("orderId");
    assert_eq!((with.body["version"].clone(), id == claimed), (json!(1), false), "{with:?}");

    let ledger = world.settle().await;
    let stored = &ledger[&StreamId::parse(&id).expect("a stream")];
    let AnyEvent::Order(OrderEvent::Placed(placed)) = &stored[0].event else { panic!("{stored:?}") };
    assert_eq!((stored[0].version, placed.total_amount), (Version::FIRST, 200));
    assert!(!ledger.keys().any(|stream| stream.as_str().contains(claimed)), "an order by the id that was claimed");
    let shown = async |id: &str| world.gateway.get(&format!("/queries/orders/{id}"), Request::by(&user)).await;
    let _ = shown(claimed).await.expect(404);
    let (with, without) = (shown(&id).await.expect(200), shown(&without.text("orderId")).await.expect(200));
    for (field, claim) in all {
        let at = format!("/order/{field}");
        let (with, without) = (with.body.pointer(&at).expect("a field"), without.body.pointer(&at).expect("a field"));
        assert_ne!(with, claim, "{field} is what the client claimed");
        // Each order has its own id and its own time; all else is as if nothing had been claimed.
        assert!(["orderId", "_id", "createdAt"].contains(&field.as_str()) || with == without, "{field}: {with}");
    }
}
