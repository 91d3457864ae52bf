//! Stock: who books pieces in, and of what.

use serde_json::json;

use crate::caller::{ADA, ADMIN};
use crate::stage::{By, Stage, by};

const STOCK: &str = "/commands/products/TEA/stock";

#[tokio::test]
async fn pieces_are_booked_in_by_an_admin_for_a_product_that_exists() {
    let stage = Stage::open().await;
    let delivery = json!({"quantity": 5, "reason": "first delivery"});
    assert_eq!(stage.post(STOCK, by(ADMIN), delivery.clone()).await.problem(), (404, "product_not_found"));
    stage.product("TEA", 250).await;
    assert_eq!(stage.post(STOCK, by(ADA), delivery.clone()).await.problem(), (403, "forbidden"));
    let reply = stage.post(STOCK, by(ADMIN), delivery).await;
    assert_eq!((reply.status, &reply.body["sku"]), (200, &json!("TEA")), "{reply:?}");
    assert_eq!(reply.header("consistency-token"), Some("stk_TEA@1"));
    assert_eq!(stage.events("stk_TEA").await, ["StockReceived"]);
}

#[tokio::test]
async fn a_delivery_sent_again_with_its_key_is_booked_once() {
    let stage = Stage::open().await;
    stage.product("TEA", 250).await;
    let keyed = By { user: ADMIN, headers: &[("idempotency-key", "lorry-7")] };
    let first = stage.post(STOCK, keyed, json!({"quantity": 5})).await;
    // Another delivery in between: the answer is still that of the first one.
    assert_eq!(stage.post(STOCK, by(ADMIN), json!({"quantity": 1})).await.body["version"], 2);
    let retry = stage.post(STOCK, keyed, json!({"quantity": 5})).await;
    assert_eq!((&first.body["version"], &retry.body["version"]), (&json!(1), &json!(1)));
    assert_eq!(retry.header("idempotency-replayed"), Some("true"));
    assert_eq!(stage.events("stk_TEA").await.len(), 2);
}

/// An answer about a product is tagged with the product's version and its stock's.
#[tokio::test]
async fn the_tag_of_a_product_guards_a_delivery_by_the_version_of_the_stock() {
    let stage = Stage::open().await;
    stage.product("TEA", 250).await;
    let price = json!({"amount": 300, "currency": "EUR"});
    assert_eq!(stage.post("/commands/products/TEA/price", by(ADMIN), price).await.body["version"], 2);
    let delivery = json!({"quantity": 5});
    let booked = stage.post(STOCK, by(ADMIN), delivery.clone()).await;
    assert_eq!(booked.body["version"], 1);
    assert_eq!(booked.header("location"), Some("/queries/products/TEA"));
    assert_eq!(booked.header("etag"), None, "the stock's version is not the product's");
    for (tag, status) in [("\"2-2\"", 412), ("\"1-0\"", 412), ("\"2-1\"", 200), ("2", 200)] {
        let seen = [("if-match", tag)];
        let reply = stage.post(STOCK, By { user: ADMIN, headers: &seen }, delivery.clone()).await;
        assert_eq!(reply.status, status, "{tag}: {reply:?}");
    }
}

#[tokio::test]
async fn what_is_no_number_of_pieces_is_refused() {
    let stage = Stage::open().await;
    stage.product("TEA", 250).await;
    for quantity in [json!(1.5), json!("5"), json!(null), json!(1_000_000_001)] {
        let reply = stage.post(STOCK, by(ADMIN), json!({"quantity": quantity})).await;
        assert_eq!(reply.issues()[0].0, r#"["quantity"]"#, "{quantity}");
    }
    assert_eq!(stage.events("stk_TEA").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_negative_quantity_corrects_the_number_but_takes_no_more_than_there_is() {
    let stage = Stage::open().await;
    stage.product("TEA", 250).await;
    assert_eq!(stage.post(STOCK, by(ADMIN), json!({"quantity": -1})).await.problem(), (409, "stock_too_small"));
    assert_eq!(stage.post(STOCK, by(ADMIN), json!({"quantity": 5})).await.status, 200);
    let broken = json!({"quantity": -3, "reason": "broken"});
    let reply = stage.post(STOCK, by(ADMIN), broken.clone()).await;
    assert_eq!((reply.status, &reply.body["version"]), (200, &json!(2)), "{reply:?}");
    assert_eq!(stage.post(STOCK, by(ADMIN), broken).await.problem(), (409, "stock_too_small"));
    assert_eq!(stage.events("stk_TEA").await, ["StockReceived", "StockAdjusted"]);
    for (quantity, code) in [(0, "invalid_pieces"), (-1_000_000_001, "invalid_delta")] {
        let reply = stage.post(STOCK, by(ADMIN), json!({"quantity": quantity})).await;
        assert_eq!(reply.issues(), [(r#"["quantity"]"#.to_owned(), code)]);
    }
}
