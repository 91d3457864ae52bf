//! Orders: what the answers say, who may do what, and what a key is good for.

use serde_json::{Value, json};

use crate::caller::{ADA, ADMIN, BOB};
use crate::stage::{By, Reply, Stage, by};

const ORDERS: &str = "/commands/orders";

fn order_of(user: &str, lines: &[(&str, i64)]) -> Value {
    let items: Vec<_> = lines.iter().map(|(sku, qty)| json!({"sku": sku, "qty": qty})).collect();
    json!({"userId": user, "items": items})
}

async fn shop() -> Stage {
    let stage = Stage::open().await;
    stage.product("TEA", 250).await;
    stage
}

async fn placed(stage: &Stage) -> Reply {
    let reply = stage.post(ORDERS, by(ADA), order_of(ADA, &[("TEA", 2)])).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply
}

#[tokio::test]
async fn a_placed_order_is_answered_with_its_version_token_and_place() {
    let stage = shop().await;
    let reply = placed(&stage).await;
    let id = reply.text("orderId");
    assert!(id.starts_with("ord_"), "{id}");
    assert_eq!(reply.body["version"], 1);
    assert_eq!(reply.text("consistencyToken"), format!("{id}@1"));
    assert_eq!(reply.header("consistency-token"), Some(reply.text("consistencyToken")));
    assert_eq!(reply.header("etag"), Some("\"1\""));
    assert_eq!(reply.header("location"), Some(format!("/queries/orders/{id}").as_str()));
    assert_eq!(reply.header("idempotency-replayed"), None);
    assert_eq!(stage.events(id).await, ["OrderPlaced"]);
}

#[tokio::test]
async fn an_order_names_what_it_is_paid_with_as_the_provider_calls_it() {
    let stage = shop().await;
    let mut order = order_of(ADA, &[("TEA", 2)]);
    for method in ["visa", "pm_", "4242 4242 4242 4242"] {
        order["paymentMethod"] = json!(method);
        assert_eq!(stage.post(ORDERS, by(ADA), order.clone()).await.issues()[0].0, r#"["paymentMethod"]"#, "{method}");
    }
    order["paymentMethod"] = json!("pm_card_visa");
    let reply = stage.post(ORDERS, by(ADA), order).await;
    assert_eq!(reply.status, 201, "{reply:?}");
}

#[tokio::test]
async fn what_makes_no_sense_is_named_in_the_seeds_words_wherever_it_is_found_out() {
    let path_of = |reply: &Reply| reply.body["issues"][0]["path"].to_string();
    let stage = shop().await;
    let line = |sku: &str, qty: i64, price: i64| json!({"sku": sku, "qty": qty, "price": price});
    let many: Vec<_> = (0..101).map(|number| line(&format!("SKU-{number}"), 1, 250)).collect();
    for (items, code, path) in [
        (json!([]), "empty_order", r#"["items"]"#),
        (json!(many), "too_many_lines", r#"["items"]"#),
        (json!([line("TEA", 600, 250), line("TEA", 401, 250)]), "quantity_too_large", r#"["items"]"#),
        (json!([line("TEA", 1, 250), line("TEA", 1, 251)]), "prices_disagree", r#"["items"]"#),
        (json!([line("TEA", 1, 0)]), "validation_failed", r#"["items",0,"price"]"#),
        (json!([line("TEA", 1, 250), line("TEA", 1, -1)]), "validation_failed", r#"["items",1,"price"]"#),
    ] {
        let reply = stage.post(ORDERS, by(ADA), json!({"userId": ADA, "items": items})).await;
        assert_eq!(reply.problem(), (400, code));
        assert_eq!((reply.text("message"), path_of(&reply)), ("Validation failed", path.to_owned()), "{code}");
    }
    let nobodys = stage.post(ORDERS, by(ADA), order_of("", &[("TEA", 1)])).await;
    assert_eq!((nobodys.problem(), path_of(&nobodys)), ((400, "validation_failed"), r#"["userId"]"#.to_owned()));
}

#[tokio::test]
async fn a_retry_is_answered_as_before_and_another_body_under_its_key_is_refused() {
    let stage = shop().await;
    let keyed = By { user: ADA, headers: &[("idempotency-key", "k1")] };
    let first = stage.post(ORDERS, keyed, order_of(ADA, &[("TEA", 2)])).await;
    // Fields that the route does not know, and their order, are no part of the request.
    let again = json!({"items": [{"qty": 2, "sku": "TEA", "gift": true}], "userId": ADA});
    let retry = stage.post(ORDERS, keyed, again).await;
    assert_eq!((first.status, retry.status), (201, 200));
    assert_eq!(retry.header("idempotency-replayed"), Some("true"));
    for field in ["orderId", "version", "consistencyToken"] {
        assert_eq!(first.body[field], retry.body[field], "{field}");
    }
    let other = stage.post(ORDERS, keyed, order_of(ADA, &[("TEA", 3)])).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused"));
    let impossible = stage.post(ORDERS, keyed, order_of(ADA, &[("NONE", 3)])).await;
    assert_eq!(impossible.problem(), (422, "idempotency_key_reused"), "also where the rules would say no");
    assert_eq!(stage.events(first.text("orderId")).await.len(), 1);
}

#[tokio::test]
async fn a_key_is_its_callers_own_and_an_empty_one_is_none() {
    let stage = shop().await;
    let place = async |user: &str, key: &str| {
        let headers = [("idempotency-key", key)];
        let reply = stage.post(ORDERS, By { user, headers: &headers }, order_of(user, &[("TEA", 1)])).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.text("orderId").to_owned()
    };
    assert_ne!(place(ADA, "same").await, place(BOB, "same").await);
    assert_ne!(place(ADA, "").await, place(ADA, "").await);
}

#[tokio::test]
async fn requests_with_one_key_at_once_place_one_order() {
    let stage = shop().await;
    let keyed = By { user: ADA, headers: &[("idempotency-key", "burst")] };
    let burst = (0..32).map(|_| stage.post(ORDERS, keyed, order_of(ADA, &[("TEA", 1)])));
    let replies = futures::future::join_all(burst).await;
    let created = replies.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(created, 1);
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 201)), "{replies:?}");
    assert!(replies.iter().all(|reply| reply.text("orderId") == replies[0].text("orderId")));
}

#[tokio::test]
async fn a_refused_order_may_be_tried_again_with_its_key() {
    let stage = shop().await;
    let keyed = By { user: ADA, headers: &[("idempotency-key", "later")] };
    let order = order_of(ADA, &[("COFFEE", 1)]);
    assert_eq!(stage.post(ORDERS, keyed, order.clone()).await.problem(), (409, "unknown_product"));
    stage.product("COFFEE", 300).await;
    assert_eq!(stage.post(ORDERS, keyed, order).await.status, 201);
}

#[tokio::test]
async fn every_mistake_of_a_request_is_told_at_once() {
    let stage = shop().await;
    let body = json!({"userId": ADA, "items": [{"sku": "a b", "qty": 0}, {"sku": "TEA", "qty": 1001}]});
    let reply = stage.post(ORDERS, by(ADA), body).await;
    let expected = [
        (r#"["items",0,"sku"]"#.to_owned(), "invalid_id"),
        (r#"["items",0,"qty"]"#.to_owned(), "invalid_quantity"),
        (r#"["items",1,"qty"]"#.to_owned(), "invalid_quantity"),
    ];
    assert_eq!(reply.issues(), expected);
    assert!(reply.body["message"].is_string());
}

#[tokio::test]
async fn nobody_but_an_admin_orders_for_somebody_else() {
    let stage = shop().await;
    let order = order_of(ADA, &[("TEA", 1)]);
    assert_eq!(stage.post(ORDERS, by(BOB), order.clone()).await.problem(), (403, "foreign_user"));
    assert_eq!(stage.post(ORDERS, by(""), order.clone()).await.problem(), (401, "token_required"));
    assert_eq!(stage.post(ORDERS, by(ADMIN), order).await.status, 201);
}

#[tokio::test]
async fn an_order_is_cancelled_once_by_its_owner_and_does_not_exist_for_others() {
    let stage = shop().await;
    let order = placed(&stage).await.text("orderId").to_owned();
    let cancel = format!("{ORDERS}/{order}/cancel");
    assert_eq!(stage.post(&cancel, by(BOB), json!({})).await.problem(), (404, "order_not_found"));
    let unknown = format!("{ORDERS}/ord_nothing/cancel");
    assert_eq!(stage.post(&unknown, by(ADA), json!({})).await.problem(), (404, "order_not_found"));
    let cancelled = stage.post(&cancel, by(ADA), json!({"reason": "changed my mind"})).await;
    assert_eq!((cancelled.status, &cancelled.body["version"]), (200, &json!(2)), "{cancelled:?}");
    assert_eq!(cancelled.header("etag"), Some("\"2\""));
    assert_eq!(stage.post(&cancel, by(ADA), json!({})).await.problem(), (409, "order_not_cancellable"));
    assert_eq!(stage.events(&order).await, ["OrderPlaced", "OrderCancelled"]);
}

#[tokio::test]
async fn a_cancellation_is_repeated_by_its_key_and_needs_no_body() {
    let stage = shop().await;
    let order = placed(&stage).await.text("orderId").to_owned();
    let cancel = format!("{ORDERS}/{order}/cancel");
    let keyed = By { user: ADA, headers: &[("idempotency-key", "off")] };
    let first = stage.send(&cancel, keyed, None).await;
    let retry = stage.send(&cancel, keyed, None).await;
    assert_eq!((first.status, retry.status), (200, 200), "{first:?} {retry:?}");
    assert_eq!(retry.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.body["consistencyToken"], retry.body["consistencyToken"]);
    let other = stage.post(&cancel, keyed, json!({"reason": "another"})).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn a_command_on_a_version_that_is_not_there_is_refused() {
    let stage = shop().await;
    let order = placed(&stage).await.text("orderId").to_owned();
    let cancel = format!("{ORDERS}/{order}/cancel");
    let seen = |version| [("if-match", version)];
    let stale = stage.post(&cancel, By { user: ADA, headers: &seen("\"2\"") }, json!({})).await;
    assert_eq!(stale.problem(), (412, "version_mismatch"));
    assert_eq!(stage.events(&order).await.len(), 1);
    let strangers = stage.post(&cancel, By { user: BOB, headers: &seen("\"2\"") }, json!({})).await;
    assert_eq!(strangers.problem(), (404, "order_not_found"), "whose order it is not learns no version");
    let right = stage.post(&cancel, By { user: ADA, headers: &seen("\"1\"") }, json!({})).await;
    assert_eq!(right.status, 200, "{right:?}");
}
