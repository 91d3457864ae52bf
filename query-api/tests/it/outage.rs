//! Redis goes and comes back.

use std::time::Duration;

use axum::http::StatusCode;
use stack::eventually;

use crate::caller::user;
use crate::events::placed;
use crate::stage::Stage;

#[tokio::test]
async fn queries_answer_503_while_redis_is_away_and_recover_by_themselves() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    stage.redis.kill().await;
    let uris =
        ["/queries/orders/ord_1", "/queries/orders", "/queries/products", "/queries/orders/ord_1?at_least=ord_1@1"];
    for uri in uris {
        let reply = stage.get(uri, &user("usr_a"), &[]).await;
        assert_eq!(
            (reply.problem(), reply.header("retry-after")),
            ((503, "unavailable".to_owned()), Some("1")),
            "{uri}"
        );
    }
    stage.redis.restart().await.unwrap();
    eventually("the order is readable again", Duration::from_secs(20), async || {
        let reply = stage.get("/queries/orders/ord_1", &user("usr_a"), &[]).await;
        (reply.status == StatusCode::OK).then_some(())
    })
    .await;
}
