//! Orders as they were, and what changed since.

use axum::http::StatusCode;
use serde_json::{Value, json};
use views::Projection;

use crate::caller::{admin, user};
use crate::events::{cancelled, placed, sent_off};
use crate::stage::{Reply, Stage};

/// The order of an answer, without the payment that only the present has.
fn order(reply: &Reply) -> Value {
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    let mut json = reply.json();
    let order = json["order"].as_object_mut().unwrap();
    order.remove("payment");
    Value::Object(order.clone())
}

#[tokio::test]
async fn an_order_is_shown_as_it_was_answered_then() {
    let stage = Stage::open().await;
    let [reserved, paid, shipped] = sent_off("ord_1", "usr_a", 7);
    let mut then = Vec::new();
    for event in [placed("ord_1", "usr_a", 1), reserved, paid, shipped] {
        stage.order(&event).await;
        then.push(order(&stage.get("/queries/orders/ord_1", &user("usr_a"), &[]).await));
    }
    for (version, then) in (1..).zip(&then) {
        for caller in [user("usr_a"), admin()] {
            let past = stage.get(&format!("/queries/orders/ord_1?version={version}"), &caller, &[]).await;
            assert_eq!(&order(&past), then);
            assert_eq!(past.versions(), format!("\"{version}"));
        }
    }
    let instants = [("22:13:21Z", 1), ("22:13:26.999999Z", 1), ("22:13:27Z", 4), ("23:59:59Z", 4)];
    for (instant, version) in instants {
        let past = stage.get(&format!("/queries/orders/ord_1?as_of=2023-11-14T{instant}"), &user("usr_a"), &[]).await;
        assert_eq!(order(&past), then[version - 1], "{instant}");
    }
    let second = stage.get("/queries/orders/ord_1?version=2", &user("usr_a"), &[]).await;
    let known = [("if-none-match", second.header("etag").unwrap())];
    let again = stage.get("/queries/orders/ord_1?version=2", &user("usr_a"), &known).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_difference_names_what_changed_and_what_did_it() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    stage.order(&cancelled("ord_1", "usr_a", 9)).await;
    let last = stage.get("/queries/orders/ord_1/diff", &user("usr_a"), &[]).await;
    let change = |path: &str, from: Value, to: Value| json!({ "path": path, "from": from, "to": to });
    let changes = [
        change("/__v", json!(1), json!(2)),
        change("/status", json!("CREATED"), json!("CANCELLED")),
        change("/updatedAt", json!("2023-11-14T22:13:21.000000Z"), json!("2023-11-14T22:13:29.000000Z")),
        change("/version", json!(1), json!(2)),
    ];
    let history = stage.get("/queries/orders/ord_1/history", &user("usr_a"), &[]).await.json();
    let event = |index: usize| history["events"][index].clone();
    let expected = json!({ "orderId": "ord_1", "from": 1, "to": 2, "changes": changes, "events": [event(1)] });
    assert_eq!((last.json(), last.versions()), (expected, "\"1-2"));

    let whole = stage.get("/queries/orders/ord_1/diff?from=0&to=2", &admin(), &[]).await.json();
    assert_eq!(whole["events"], json!([event(0), event(1)]));
    let of_status = |change: &&Value| change["path"] == "/status";
    let changed = whole["changes"].as_array().unwrap().iter().find(of_status).unwrap();
    assert_eq!(changed, &change("/status", Value::Null, json!("CANCELLED")));
    let none = stage.get("/queries/orders/ord_1/diff?from=2", &admin(), &[]).await.json();
    assert_eq!((&none["changes"], &none["events"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn what_was_never_so_is_not_found_and_what_makes_no_sense_is_named() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    let asked = async |query: &str| stage.get(&format!("/queries/orders/ord_1{query}"), &user("usr_a"), &[]).await;
    for query in ["?version=2", "?version=4294967295", "?as_of=2023-11-14T22:13:20Z", "/diff?to=2", "/diff?from=1&to=9"]
    {
        assert_eq!(asked(query).await.problem(), (404, "version_not_found".to_owned()), "{query}");
    }
    let wrong = [
        ("?version=0", "version"),
        ("?version=-1", "version"),
        ("?version=last", "version"),
        ("?version=4294967296", "version"),
        ("?version=1&version=1", "version"),
        ("?as_of=yesterday", "as_of"),
        ("?version=1&as_of=2024-01-01T00:00:00Z", "as_of"),
        ("/diff?from=x", "from"),
        ("/diff?to=0", "to"),
        ("/diff?from=2&to=1", "from"),
    ];
    for (query, parameter) in wrong {
        let reply = asked(query).await;
        assert_eq!(reply.problem(), (400, "validation_failed".to_owned()), "{query}");
        assert_eq!(reply.json()["issues"][0]["path"], json!([parameter]), "{query}");
    }
}

#[tokio::test]
async fn a_history_of_which_something_was_discarded_makes_nothing_up() {
    let stage = Stage::open().await;
    let [_discarded, paid, _shipped] = sent_off("ord_1", "usr_a", 2);
    for event in [placed("ord_1", "usr_a", 1), paid] {
        stage.history(&event).await;
    }
    let asked = async |query: &str| stage.get(&format!("/queries/orders/ord_1{query}"), &user("usr_a"), &[]).await;
    assert_eq!(order(&asked("?version=1").await)["status"], "CREATED");
    // The one that is missing may have happened at any time between the two others.
    let between = "?as_of=2023-11-14T22:13:21.500000Z";
    for query in ["?version=2", "?version=3", between, "?as_of=2024-01-01T00:00:00Z", "/diff", "/diff?from=1"] {
        assert_eq!(asked(query).await.problem(), (409, "history_incomplete".to_owned()), "{query}");
    }
}

#[tokio::test]
async fn what_was_discarded_last_is_missing_from_the_past_too() {
    let stage = Stage::open().await;
    let order = placed("ord_1", "usr_a", 1);
    stage.history(&order).await;
    // A discard counts a version as applied, and leaves what is shown as it was.
    stage.tamper(Projection::History, &order.stream, "v", "2").await;
    let asked = async |query: &str| stage.get(&format!("/queries/orders/ord_1{query}"), &user("usr_a"), &[]).await;
    for query in ["?version=2", "?as_of=2024-01-01T00:00:00Z", "/diff", "/diff?to=2"] {
        assert_eq!(asked(query).await.problem(), (409, "history_incomplete".to_owned()), "{query}");
    }
    assert_eq!(asked("?version=3").await.problem(), (404, "version_not_found".to_owned()));
}

#[tokio::test]
async fn the_past_is_not_older_than_the_token_either() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    let token = [("consistency-token", "ord_1@2"), ("prefer", "wait=0")];
    for query in ["?version=2", "/diff?to=2"] {
        let behind = stage.get(&format!("/queries/orders/ord_1{query}"), &user("usr_a"), &token).await;
        assert_eq!(behind.problem(), (503, "projection_behind".to_owned()), "{query}");
    }
    stage.order(&cancelled("ord_1", "usr_a", 2)).await;
    let reached = stage.get("/queries/orders/ord_1?version=2", &user("usr_a"), &token).await;
    assert_eq!(order(&reached)["status"], "CANCELLED");
}
