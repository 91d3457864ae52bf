//! Orders: who sees which, in which order, in which pages.

use axum::http::StatusCode;
use schemas::StreamId;
use views::Projection;

use crate::caller::{admin, user};
use crate::events::{cancelled, placed};
use crate::stage::{Reply, Stage};

#[tokio::test]
async fn an_order_is_answered_byte_for_byte_as_it_is_stored_with_its_payment_at_its_end() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    let reply = stage.get("/queries/orders/ord_1", &user("usr_a"), &[]).await;
    let stored = stage.stored(Projection::Orders, &StreamId::parse("ord_1").unwrap()).await;
    let order = stored.strip_suffix('}').unwrap();
    assert_eq!((reply.status, &reply.text), (StatusCode::OK, &format!("{{\"order\":{order},\"payment\":null}}}}")));
    assert_eq!(reply.versions(), "\"1-0");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("private, no-cache"));
    assert_eq!(reply.json()["order"]["totalAmount"], 1198);
}

#[tokio::test]
async fn somebody_elses_order_is_as_unknown_as_one_that_never_was() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    for path in ["", "/history", "/diff", "?version=1", "?as_of=2024-01-01T00:00:00Z"] {
        let [foreign, absent, malformed] = ["ord_1", "ord_2", "xyz"].map(|id| format!("/queries/orders/{id}{path}"));
        let foreign = stage.get(&foreign, &user("usr_b"), &[]).await;
        let absent = stage.get(&absent, &user("usr_b"), &[]).await;
        assert_eq!(foreign.problem(), (404, "order_not_found".to_owned()));
        assert_eq!(foreign.problem(), absent.problem());
        assert_eq!(foreign.json()["detail"], absent.json()["detail"]);
        assert_eq!(stage.get(&malformed, &user("usr_b"), &[]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(stage.get(&format!("/queries/orders/ord_1{path}"), &admin(), &[]).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn no_query_is_answered_without_a_token() {
    let stage = Stage::open().await;
    let order = ["orders/ord_1", "orders/ord_1/history", "orders/ord_1/diff", "orders/ord_1?version=1"];
    let queries = ["orders", "products", "products/mouse", "payments/pay_1"].into_iter().chain(order);
    for uri in queries.map(|query| format!("/queries/{query}")).chain(["/ops/projections".to_owned()]) {
        assert_eq!(stage.get(&uri, "", &[]).await.status, StatusCode::UNAUTHORIZED, "{uri}");
    }
}

#[tokio::test]
async fn the_history_tells_every_event_with_its_seed_name() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    stage.order(&cancelled("ord_1", "usr_a", 2)).await;
    let reply = stage.get("/queries/orders/ord_1/history", &user("usr_a"), &[]).await;
    let json = reply.json();
    let told = json["events"].as_array().unwrap().iter().map(|event| {
        let text = |field: &str| event[field].as_str().unwrap().to_owned();
        (event["version"].as_u64().unwrap(), text("type"), text("seedType"))
    });
    let expected = [(1, "OrderPlaced", "order.created"), (2, "OrderCancelled", "order.canceled")];
    let expected = expected.map(|(version, name, seed)| (version, name.to_owned(), seed.to_owned()));
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert_eq!(reply.versions(), "\"2");
}

/// Orders of a and b in turn, the last two at the same instant; the second one is cancelled.
async fn shop() -> Stage {
    let stage = Stage::open().await;
    let orders = [
        ("ord_1", "usr_a", 1),
        ("ord_2", "usr_b", 2),
        ("ord_3", "usr_a", 3),
        ("ord_4", "usr_b", 4),
        ("ord_5", "usr_a", 4),
    ];
    for (order, user, second) in orders {
        stage.order_view(&placed(order, user, second)).await;
    }
    stage.order_view(&cancelled("ord_2", "usr_b", 9)).await;
    stage
}

fn ids(reply: &Reply) -> Vec<String> {
    reply.each("orders", "orderId")
}

#[tokio::test]
async fn a_user_lists_own_orders_only_newest_first() {
    let stage = shop().await;
    for query in ["", "?userId=", "?userId=usr_a", "?userId=usr_a&userId=usr_a&userId=", "?unknown=1"] {
        let reply = stage.get(&format!("/queries/orders{query}"), &user("usr_a"), &[]).await;
        assert_eq!(ids(&reply), ["ord_5", "ord_3", "ord_1"], "{query}");
        assert_eq!(reply.json()["cursor"], serde_json::Value::Null);
    }
    for query in ["?userId=usr_b", "?userId=usr_a&userId=usr_b", "?userId=user_123"] {
        let reply = stage.get(&format!("/queries/orders{query}"), &user("usr_a"), &[]).await;
        assert_eq!(reply.problem(), (403, "foreign_user".to_owned()), "{query}");
    }
    assert!(ids(&stage.get("/queries/orders", &user("usr_c"), &[]).await).is_empty());
}

#[tokio::test]
async fn an_admin_lists_everybodys_orders_or_those_of_the_users_named() {
    let stage = shop().await;
    let lists: [(&str, &[&str]); 6] = [
        ("", &["ord_5", "ord_4", "ord_3", "ord_2", "ord_1"]),
        ("?userId=usr_b", &["ord_4", "ord_2"]),
        ("?userId=usr_b&userId=usr_a", &["ord_5", "ord_4", "ord_3", "ord_2", "ord_1"]),
        ("?userId=user_123", &[]),
        ("?status=CANCELLED", &["ord_2"]),
        ("?status=CREATED&userId=usr_b", &["ord_4"]),
    ];
    for (query, expected) in lists {
        assert_eq!(ids(&stage.get(&format!("/queries/orders{query}"), &admin(), &[]).await), expected, "{query}");
    }
}

#[tokio::test]
async fn from_and_to_hold_both_ends() {
    let stage = shop().await;
    let lists: [(&str, &[&str]); 3] = [
        ("?from=2023-11-14T22:13:23Z", &["ord_5", "ord_4", "ord_3"]),
        ("?to=2023-11-14T22:13:22Z", &["ord_2", "ord_1"]),
        ("?from=2023-11-14T22:13:22Z&to=2023-11-14T22:13:23Z", &["ord_3", "ord_2"]),
    ];
    for (query, expected) in lists {
        assert_eq!(ids(&stage.get(&format!("/queries/orders{query}"), &admin(), &[]).await), expected, "{query}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let stage = shop().await;
    for (query, limit) in [("?limit=2", 2), ("?limit=1", 1), ("?limit=2&userId=usr_a&userId=usr_b", 2)] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = stage.get(&format!("/queries/orders{query}{cursor}"), &admin(), &[]).await;
            let found = ids(&page);
            assert!(found.len() <= limit, "{query}");
            seen.extend(found);
            match page.json()["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, ["ord_5", "ord_4", "ord_3", "ord_2", "ord_1"], "{query}");
    }
}

#[tokio::test]
async fn a_parameter_that_makes_no_sense_is_named() {
    let stage = shop().await;
    let wrong = [
        ("limit=0", "validation_failed", "limit"),
        ("limit=ten", "validation_failed", "limit"),
        ("status=created", "validation_failed", "status"),
        ("from=yesterday", "validation_failed", "from"),
        ("to=1", "validation_failed", "to"),
        ("cursor=MS5wcmRfMQ", "bad_cursor", "cursor"),
        ("cursor=%00", "bad_cursor", "cursor"),
    ];
    for (query, code, parameter) in wrong {
        let reply = stage.get(&format!("/queries/orders?{query}"), &user("usr_a"), &[]).await;
        assert_eq!(reply.problem(), (400, code.to_owned()), "{query}");
        assert_eq!(reply.json()["issues"][0]["path"], serde_json::json!([parameter]), "{query}");
    }
    let many: String = (0..21).map(|number| format!("userId=usr_{number}&")).collect();
    assert_eq!(stage.get(&format!("/queries/orders?{many}"), &admin(), &[]).await.problem().0, 400);
}
