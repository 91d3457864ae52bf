//! MongoDB is away: commands say so, and go on when it is back, and nobody loses anything by asking again.

use std::time::Duration;

use serde_json::json;
use stack::servers::Mongo;
use stack::{eventually, testing};

use crate::caller::{ADA, ADMIN};
use crate::stage::{Stage, by};

/// Long enough for two busy cores; a test that needs it has failed.
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn without_mongodb_commands_are_told_to_come_back_and_nothing_needs_a_restart() {
    let mongo: Mongo = testing::own().await;
    let stage = Stage::over(mongo.url()).await;
    stage.product("TEA", 250).await;
    mongo.kill().await;
    let order = json!({"userId": ADA, "items": [{"sku": "TEA", "qty": 1}]});
    let refused = stage.post("/commands/orders", by(ADA), order.clone()).await;
    assert_eq!((refused.status, &refused.body["retryable"]), (503, &json!(true)), "{refused:?}");
    assert!(refused.header("retry-after").is_some());
    let log_in = json!({"email": "ada@example.com", "password": "correct horse battery"});
    assert_eq!(stage.post("/api/v1/users/login", by(""), log_in).await.status, 503);
    mongo.restart().await.unwrap();
    let placed = async || {
        let reply = stage.post("/commands/orders", by(ADA), order.clone()).await;
        (reply.status == 201).then_some(())
    };
    eventually("orders are taken again", SOON, placed).await;
    assert_eq!(stage.post("/commands/products/TEA/stock", by(ADMIN), json!({"quantity": 1})).await.status, 200);
}

/// A refresh token is good once. It is not spent for an answer that says to try again.
#[tokio::test]
async fn who_is_told_to_try_again_with_a_refresh_token_can_do_so() {
    let events = testing::mongo().await.database("refreshed");
    let keys: Mongo = testing::own().await;
    let stage = Stage::with_keys_in(keys.url(), &events).await;
    let ada =
        json!({"email": "ada@example.com", "password": "correct horse battery", "firstName": "Ada", "lastName": "L"});
    assert_eq!(stage.post("/api/v1/users/register", by(""), ada).await.status, 201);
    let log_in = json!({"email": "ada@example.com", "password": "correct horse battery"});
    let token = stage.post("/api/v1/users/login", by(""), log_in).await.body["data"]["refreshToken"].clone();
    // A process that does not remember her key.
    let other = Stage::with_keys_in(keys.url(), &events).await;
    let refresh = async || other.post("/api/v1/users/refresh", by(""), json!({"refreshToken": token})).await;
    keys.kill().await;
    assert_eq!(refresh().await.status, 503);
    keys.restart().await.unwrap();
    eventually("the same token is good", SOON, async || {
        let reply = refresh().await;
        assert!(reply.status != 401, "{reply:?}");
        (reply.status == 200).then_some(())
    })
    .await;
}
