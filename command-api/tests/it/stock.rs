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
