//! Payments: who sees which, and how orders show them.

use axum::http::StatusCode;
use schemas::StreamId;
use views::Projection;

use crate::caller::{admin, user};
use crate::events::{payment_declined, payment_requested, placed};
use crate::stage::Stage;

#[tokio::test]
async fn a_payment_is_answered_byte_for_byte_as_it_is_stored() {
    let stage = Stage::open().await;
    stage.payment(&payment_requested("ord_1", "usr_a", 1)).await;
    let stored = stage.stored(Projection::Payments, &StreamId::parse("pay_1").unwrap()).await;
    for token in [user("usr_a"), admin()] {
        let reply = stage.get("/queries/payments/pay_1", &token, &[]).await;
        assert_eq!((reply.status, &reply.text), (StatusCode::OK, &format!("{{\"payment\":{stored}}}")));
        assert_eq!(reply.versions(), "\"1");
    }
}

#[tokio::test]
async fn somebody_elses_payment_is_as_unknown_as_one_that_never_was() {
    let stage = Stage::open().await;
    stage.payment(&payment_requested("ord_1", "usr_a", 1)).await;
    let foreign = stage.get("/queries/payments/pay_1", &user("usr_b"), &[]).await;
    let absent = stage.get("/queries/payments/pay_2", &user("usr_b"), &[]).await;
    assert_eq!(foreign.problem(), (404, "payment_not_found".to_owned()));
    assert_eq!(foreign.problem(), absent.problem());
    assert_eq!(foreign.json()["detail"], absent.json()["detail"]);
    assert_eq!(stage.get("/queries/payments/ord_1", &admin(), &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_order_shows_its_payment_alone_and_in_pages_and_its_tag_moves_with_both() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    stage.order(&placed("ord_2", "usr_a", 2)).await;
    let tag = async |path: &str| stage.get(path, &user("usr_a"), &[]).await.header("etag").unwrap().to_owned();
    let page_before = tag("/queries/orders").await;
    stage.payment(&payment_requested("ord_1", "usr_a", 3)).await;
    assert!(tag("/queries/orders/ord_1").await.starts_with("\"1-1."));
    stage.payment(&payment_declined("ord_1", "usr_a", 4)).await;
    assert!(tag("/queries/orders/ord_1").await.starts_with("\"1-2."));
    assert_ne!(tag("/queries/orders").await, page_before);

    let alone = stage.get("/queries/payments/pay_1", &user("usr_a"), &[]).await.json();
    let order = stage.get("/queries/orders/ord_1", &user("usr_a"), &[]).await.json();
    assert_eq!(order["order"]["payment"], alone["payment"]);
    assert_eq!(order["order"]["payment"]["status"], "DECLINED");
    assert_eq!(order["order"]["version"], 1);
    let page = stage.get("/queries/orders", &user("usr_a"), &[]).await.json();
    assert_eq!(page["orders"][0]["payment"], serde_json::Value::Null);
    assert_eq!(page["orders"][1]["payment"], alone["payment"]);
}

#[tokio::test]
async fn a_token_of_the_payment_holds_for_the_order_that_shows_it() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    stage.payment(&payment_requested("ord_1", "usr_a", 2)).await;
    let terms = |token| [("consistency-token", token), ("prefer", "wait=0")];
    let reached = stage.get("/queries/orders/ord_1", &user("usr_a"), &terms("pay_1@1")).await;
    assert_eq!(reached.status, StatusCode::OK);
    for path in ["/queries/orders/ord_1", "/queries/orders", "/queries/payments/pay_1"] {
        let ahead = stage.get(path, &user("usr_a"), &terms("pay_1@2")).await;
        assert_eq!(ahead.problem(), (503, "projection_behind".to_owned()), "{path}");
    }
}
