//! The catalogue, with the pieces that are available.

use axum::http::StatusCode;
use serde_json::json;

use crate::caller::user;
use crate::events::{received, registered, repriced, reserved};
use crate::stage::Stage;

#[tokio::test]
async fn a_product_says_how_many_pieces_are_available() {
    let stage = Stage::open().await;
    stage.product(&registered("mouse", 1)).await;
    let none = stage.get("/queries/products/mouse", &user("usr_a"), &[]).await;
    assert_eq!((&none.json()["product"]["available"], none.versions()), (&json!(0), "\"1-0"));

    stage.stock(&received("mouse", 1, 5)).await;
    stage.stock(&received("mouse", 2, 4)).await;
    stage.product(&repriced("mouse", 650)).await;
    let some = stage.get("/queries/products/mouse", &user("usr_a"), &[]).await;
    let product = &some.json()["product"];
    assert_eq!((&product["available"], some.versions()), (&json!(9), "\"2-2"));
    assert_eq!((&product["price"], &product["version"]), (&json!({"amount": 650, "currency": "EUR"}), &json!(2)));
}

#[tokio::test]
async fn what_is_held_for_orders_is_not_available_and_not_shown() {
    let stage = Stage::open().await;
    stage.product(&registered("mouse", 1)).await;
    stage.stock(&received("mouse", 1, 5)).await;
    stage.stock(&reserved("mouse", 2, 3)).await;
    let one = stage.get("/queries/products/mouse", &user("usr_a"), &[]).await;
    let all = stage.get("/queries/products", &user("usr_a"), &[]).await;
    assert_eq!(one.versions(), "\"1-2");
    for product in [&one.json()["product"], &all.json()["products"][0]] {
        assert_eq!((&product["available"], &product["status"]), (&json!(2), &json!("ACTIVE")));
        assert_eq!((product.get("held"), product.get("onHand")), (None, None), "how busy the shop is stays its own");
    }
}

#[tokio::test]
async fn an_unknown_product_is_not_found() {
    let stage = Stage::open().await;
    // Pieces of it are there already, but nobody has registered it yet.
    stage.stock(&received("mouse", 1, 5)).await;
    let reply = stage.get("/queries/products/mouse", &user("usr_a"), &[]).await;
    assert_eq!(reply.problem(), (404, "product_not_found".to_owned()));
    assert_eq!(stage.get("/queries/products/a%20b", &user("usr_a"), &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_catalogue_lists_every_product_with_its_own_stock() {
    let stage = Stage::open().await;
    let empty = stage.get("/queries/products", &user("usr_a"), &[]).await;
    assert_eq!(empty.text, "{\"count\":0,\"products\":[],\"cursor\":null}");

    for (second, sku) in ["mouse", "keyboard", "screen"].into_iter().enumerate() {
        stage.product(&registered(sku, i64::try_from(second).unwrap())).await;
    }
    stage.stock(&received("keyboard", 1, 7)).await;
    let first = stage.get("/queries/products?limit=2", &user("usr_a"), &[]).await;
    assert_eq!(first.each("products", "sku"), ["screen", "keyboard"]);
    assert_eq!(
        (&first.json()["products"][0]["available"], &first.json()["products"][1]["available"]),
        (&json!(0), &json!(7))
    );
    let cursor = first.json()["cursor"].as_str().unwrap().to_owned();
    let rest = stage.get(&format!("/queries/products?limit=2&cursor={cursor}"), &user("usr_a"), &[]).await;
    assert_eq!(rest.each("products", "sku"), ["mouse"]);
}
