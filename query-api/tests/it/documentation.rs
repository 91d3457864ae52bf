//! The surface's description.

use axum::http::StatusCode;
use serde_json::Value;

use crate::caller::admin;
use crate::events::{
    joined, payment_declined, payment_requested, placed, received, refund_requested, registered, sent_off, started,
    step_recorded,
};
use crate::stage::Stage;

#[tokio::test]
async fn the_surface_is_described_for_programs_and_for_people() {
    let stage = Stage::open().await;
    let described = stage.get("/openapi.json", "", &[]).await;
    assert_eq!(described.header("content-type"), Some("application/json"));
    assert!(described.json()["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(stage.get("/docs", "", &[]).await.header("location"), Some("/docs/"));
    let page = stage.get("/docs/", "", &[]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("swagger-ui"));
    let initializer = stage.get("/docs/swagger-initializer.js", "", &[]).await;
    assert!(initializer.text.contains("/openapi.json"), "{}", initializer.text);
}

#[tokio::test]
async fn the_events_are_described_for_anybody() {
    let stage = Stage::open().await;
    let described = stage.get("/asyncapi.yaml", "", &[]).await;
    assert_eq!((described.status, described.header("content-type")), (StatusCode::OK, Some("application/yaml")));
    assert_eq!(described.text, include_str!("../../../schemas/asyncapi.yaml"));
    assert!(described.text.lines().any(|line| line == "asyncapi: 3.1.0"), "{}", described.text);
}

#[tokio::test]
async fn a_problems_type_is_a_page_that_explains_it() {
    let stage = Stage::open().await;
    let problem = stage.get("/queries/orders?cursor=x", &admin(), &[]).await.json();
    let (path, code) = problem["type"].as_str().unwrap().split_once('#').unwrap();
    let page = stage.get(path, "", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, Some("text/html; charset=utf-8")));
    assert!(page.text.contains(&format!("id=\"{code}\"")), "{code}: {}", page.text);
}

#[tokio::test]
async fn an_unknown_route_is_a_problem() {
    let stage = Stage::open().await;
    assert_eq!(stage.get("/queries/nothing", "", &[]).await.problem(), (404, "route_not_found".to_owned()));
}

/// The fields of an answer and of its description, which must be the same.
fn assert_described(schemas: &Value, name: &str, answered: &Value) {
    let fields = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&schemas[name]["properties"]), fields(answered), "{name}");
}

/// A shop in which everything that answers can show has happened.
async fn shop() -> Stage {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    for event in sent_off("ord_1", "usr_a", 1) {
        stage.order(&event).await;
    }
    stage.payment(&payment_requested("ord_1", "usr_a", 1)).await;
    stage.payment(&payment_declined("ord_1", "usr_a", 2)).await;
    stage.payment(&refund_requested("ord_1", "usr_a", 2)).await;
    stage.fulfilment(&started("ord_1", "usr_a", 1)).await;
    stage.fulfilment(&step_recorded("ord_1", "usr_a", 1)).await;
    stage.product(&registered("mouse", 1)).await;
    stage.stock(&received("mouse", 1, 5)).await;
    stage.user(&joined("usr_a", "Ada", "Lovelace", 1)).await;
    stage
}

#[tokio::test]
async fn answers_have_the_fields_that_their_description_has() {
    let described = serde_json::to_value(query_api::openapi()).unwrap();
    let schemas = &described["components"]["schemas"];
    let stage = shop().await;
    let one = stage.get("/queries/orders/ord_1", &admin(), &[]).await.json();
    assert_described(schemas, "OneOrder", &one);
    assert_described(schemas, "Order", &one["order"]);
    assert_described(schemas, "OrderItem", &one["order"]["items"][0]);
    assert_described(schemas, "OrderLinks", &one["order"]["links"]);
    assert_described(schemas, "OrderShipment", &one["order"]["shipment"]);
    assert_described(schemas, "Payment", &one["order"]["payment"]);
    assert_described(schemas, "Refund", &one["order"]["payment"]["refunds"][0]);
    assert_described(schemas, "OnePayment", &stage.get("/queries/payments/pay_1", &admin(), &[]).await.json());
    assert_described(schemas, "OrderPage", &stage.get("/queries/orders", &admin(), &[]).await.json());
    let history = stage.get("/queries/orders/ord_1/history", &admin(), &[]).await.json();
    assert_described(schemas, "OrderHistory", &history);
    assert_described(schemas, "HistoryEvent", &history["events"][0]);
    let diff = stage.get("/queries/orders/ord_1/diff", &admin(), &[]).await.json();
    assert_described(schemas, "OrderDiff", &diff);
    assert_described(schemas, "Change", &diff["changes"][0]);
    let explained = stage.get("/ops/explain/ord_1", &admin(), &[]).await.json();
    assert_described(schemas, "Explanation", &explained);
    assert_described(schemas, "ExplainedEvent", &explained["events"][0]);
    assert_described(schemas, "ExplainedHop", &explained["events"][0]["hops"][0]);
    let page = stage.get("/ops/fulfilment", &admin(), &[]).await.json();
    assert_described(schemas, "FulfilmentPage", &page);
    assert_described(schemas, "Fulfilment", &page["fulfilments"][0]);
    assert_described(schemas, "FulfilmentStep", &page["fulfilments"][0]["steps"][0]);
    let one = stage.get("/queries/products/mouse", &admin(), &[]).await.json();
    assert_described(schemas, "OneProduct", &one);
    assert_described(schemas, "Product", &one["product"]);
    assert_described(schemas, "Price", &one["product"]["price"]);
    assert_described(schemas, "ProductPage", &stage.get("/queries/products", &admin(), &[]).await.json());
    let one = stage.get("/api/v1/users/usr_a", &admin(), &[]).await.json();
    assert_described(schemas, "OneUser", &one);
    assert_described(schemas, "User", &one["data"]);
    let page = stage.get("/api/v1/users", &admin(), &[]).await.json();
    assert_described(schemas, "UserPage", &page);
    assert_described(schemas, "Pagination", &page["pagination"]);
    assert_described(schemas, "FoundUsers", &stage.get("/api/v1/users/search?q=ad", &admin(), &[]).await.json());
}
