//! Products: who keeps the catalogue, and what it takes.

use serde_json::{Value, json};

use crate::caller::{ADA, ADMIN};
use crate::stage::{By, Stage, by};

const PRODUCTS: &str = "/commands/products";

fn tea() -> Value {
    json!({"sku": "TEA", "name": "Tea", "price": {"amount": 250, "currency": "EUR"}})
}

#[tokio::test]
async fn a_product_is_registered_once_and_by_an_admin() {
    let stage = Stage::open().await;
    assert_eq!(stage.post(PRODUCTS, by(ADA), tea()).await.problem(), (403, "forbidden"));
    let reply = stage.post(PRODUCTS, by(ADMIN), tea()).await;
    assert_eq!((reply.status, &reply.body["sku"], &reply.body["version"]), (201, &json!("TEA"), &json!(1)));
    assert_eq!(reply.header("location"), Some("/queries/products/TEA"));
    assert_eq!(reply.header("consistency-token"), Some("prd_TEA@1"));
    assert_eq!(stage.post(PRODUCTS, by(ADMIN), tea()).await.problem(), (409, "product_exists"));
    assert_eq!(stage.events("prd_TEA").await, ["ProductRegistered"]);
}

#[tokio::test]
async fn a_repeated_registration_is_answered_as_before() {
    let stage = Stage::open().await;
    let keyed = By { user: ADMIN, headers: &[("idempotency-key", "k")] };
    let (first, retry) = (stage.post(PRODUCTS, keyed, tea()).await, stage.post(PRODUCTS, keyed, tea()).await);
    assert_eq!((first.status, retry.status), (201, 200));
    assert_eq!(first.body["version"], retry.body["version"]);
    let other = json!({"sku": "TEA", "name": "Other tea", "price": {"amount": 250, "currency": "EUR"}});
    assert_eq!(stage.post(PRODUCTS, keyed, other).await.problem(), (422, "idempotency_key_reused"));
    let another = json!({"sku": "CUP", "name": "Cup", "price": {"amount": 250, "currency": "EUR"}});
    assert_eq!(stage.post(PRODUCTS, keyed, another).await.problem(), (422, "idempotency_key_reused"));
    assert_eq!(stage.events("prd_CUP").await, Vec::<String>::new());
}

#[tokio::test]
async fn every_mistake_of_a_product_is_told_and_unknown_fields_are_refused() {
    let stage = Stage::open().await;
    let bad = json!({"sku": "a/b", "name": " ", "price": {"amount": 0, "currency": "euro"}});
    let paths: Vec<_> = stage.post(PRODUCTS, by(ADMIN), bad).await.issues().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [r#"["sku"]"#, r#"["name"]"#, r#"["price","currency"]"#]);
    let more = json!({"sku": "TEA", "name": "Tea", "colour": "green", "price": {"amount": 1, "currency": "EUR"}});
    assert_eq!(stage.post(PRODUCTS, by(ADMIN), more).await.problem(), (400, "validation_failed"));
    assert_eq!(stage.events("prd_TEA").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_price_changes_for_later_orders_and_setting_it_again_changes_nothing() {
    let stage = Stage::open().await;
    stage.product("TEA", 250).await;
    let price = json!({"amount": 300, "currency": "EUR"});
    let changed = stage.post("/commands/products/TEA/price", by(ADMIN), price.clone()).await;
    let again = stage.post("/commands/products/TEA/price", by(ADMIN), price.clone()).await;
    assert_eq!((changed.status, again.status), (200, 200));
    assert_eq!((&changed.body["version"], &again.body["version"]), (&json!(2), &json!(2)));
    assert_eq!(stage.events("prd_TEA").await, ["ProductRegistered", "ProductPriceChanged"]);
    let old = json!({"userId": ADA, "items": [{"sku": "TEA", "qty": 1, "price": 250}]});
    assert_eq!(stage.post("/commands/orders", by(ADA), old).await.problem(), (409, "price_changed"));
    let absent = stage.post("/commands/products/NONE/price", by(ADMIN), price).await;
    assert_eq!(absent.problem(), (404, "product_not_found"));
}

#[tokio::test]
async fn a_product_is_renamed_for_later_orders_by_an_admin() {
    let stage = Stage::open().await;
    stage.product("TEA", 250).await;
    let (rename, green) = ("/commands/products/TEA/rename", json!({"name": " Green tea "}));
    assert_eq!(stage.post(rename, by(ADA), green.clone()).await.problem(), (403, "forbidden"));
    let (renamed, again) =
        (stage.post(rename, by(ADMIN), green.clone()).await, stage.post(rename, by(ADMIN), green.clone()).await);
    assert_eq!((&renamed.body["version"], &again.body["version"]), (&json!(2), &json!(2)), "{renamed:?}");
    assert_eq!(renamed.header("consistency-token"), Some("prd_TEA@2"));
    assert_eq!(stage.events("prd_TEA").await, ["ProductRegistered", "ProductRenamed"]);
    let nameless = stage.post(rename, by(ADMIN), json!({"name": " "})).await;
    assert_eq!(nameless.issues(), [(r#"["name"]"#.to_owned(), "invalid_name")]);
    let absent = stage.post("/commands/products/NONE/rename", by(ADMIN), green).await;
    assert_eq!(absent.problem(), (404, "product_not_found"));
}

#[tokio::test]
async fn a_discontinued_product_is_not_ordered_renamed_or_priced_any_more() {
    let stage = Stage::open().await;
    stage.product("TEA", 250).await;
    let discontinue = "/commands/products/TEA/discontinue";
    assert_eq!(stage.send(discontinue, by(ADA), None).await.problem(), (403, "forbidden"));
    let done = stage.send(discontinue, by(ADMIN), None).await;
    assert_eq!((done.status, &done.body["version"]), (200, &json!(2)), "{done:?}");
    // Again, with an empty object this time: done already.
    assert_eq!(stage.post(discontinue, by(ADMIN), json!({})).await.body["version"], 2);
    assert_eq!(stage.events("prd_TEA").await, ["ProductRegistered", "ProductDiscontinued"]);

    let order = json!({"userId": ADA, "items": [{"sku": "TEA", "qty": 1}]});
    let (price, name) = (json!({"amount": 300, "currency": "EUR"}), json!({"name": "Tea"}));
    for (path, user, body) in [
        ("/commands/orders", ADA, order),
        ("/commands/products/TEA/price", ADMIN, price),
        ("/commands/products/TEA/rename", ADMIN, name),
    ] {
        assert_eq!(stage.post(path, by(user), body).await.problem(), (409, "product_discontinued"), "{path}");
    }
    let again = stage.post(PRODUCTS, by(ADMIN), tea()).await;
    assert_eq!(again.problem(), (409, "product_exists"), "a SKU is taken for ever");
    let delivery = json!({"quantity": 1, "reason": "sent back"});
    assert_eq!(stage.post("/commands/products/TEA/stock", by(ADMIN), delivery).await.status, 200);
}
