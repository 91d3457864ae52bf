//! What operators see of the projections.

use serde_json::json;

use crate::caller::{admin, user};
use crate::stage::Stage;

#[tokio::test]
async fn only_an_admin_sees_how_the_projections_stand() {
    let stage = Stage::open().await;
    assert_eq!(stage.get("/ops/projections", &user("usr_a"), &[]).await.problem().0, 403);
    let reply = stage.get("/ops/projections", &admin(), &[]).await;
    let standing = |name: &str| json!({"name": name, "liveGeneration": 1, "lagMs": 0});
    let expected = ["orders", "history", "products", "stock", "payments", "users", "fulfilment"].map(standing);
    assert_eq!(reply.json(), json!({"projections": expected}));
}

#[tokio::test]
async fn a_projection_that_never_began_has_no_generation() {
    let stage = Stage::unprojected(Vec::new()).await;
    let reply = stage.get("/ops/projections", &admin(), &[]).await;
    assert_eq!(reply.json()["projections"][0], json!({"name": "orders", "liveGeneration": null, "lagMs": null}));
    let query = stage.get("/queries/orders", &user("usr_a"), &[]).await;
    assert_eq!((query.problem(), query.header("retry-after")), ((503, "unavailable".to_owned()), Some("1")));
}
