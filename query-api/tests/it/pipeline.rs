//! What operators see of the pipeline.

use read_model::generations::Shape;
use read_model::{Cause, Park, ParkingEntry};
use runtime::clock;
use schemas::{OrderId, Timestamp, Version};
use serde_json::{Value, json};
use views::Projection;

use crate::caller::{admin, user};
use crate::events::placed;
use crate::stage::Stage;

const ORDERS: &str = "orders.events.v1/0";

/// How the orders stand.
async fn orders(stage: &Stage) -> Value {
    stage.get("/ops/pipeline", &admin(), &[]).await.json()["projections"][0].clone()
}

#[tokio::test]
async fn only_an_admin_sees_how_far_each_generation_and_the_feeds_are() {
    let stage = Stage::open().await;
    assert_eq!(stage.get("/ops/pipeline", &user("usr_a"), &[]).await.problem().0, 403);
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    stage.feed(&placed("ord_1", "usr_a", 1)).await;
    let shown = stage.get("/ops/pipeline", &admin(), &[]).await.json();
    let names: Vec<_> = shown["projections"].as_array().unwrap().iter().map(|stage| &stage["name"]).collect();
    assert_eq!(names, Projection::ALL.map(Projection::name));
    assert_eq!(shown["feeds"], json!({"read": 1, "positions": {ORDERS: 1}, "gaps": 0, "parked": 0}));
    let progress = json!({"read": 1, "positions": {ORDERS: 1}, "gaps": 0, "parked": 0});
    let generation =
        json!({"generation": 1, "state": "served", "rate": null, "startedAt": clock::rfc3339(0), "progress": progress});
    let expected =
        json!({"name": "orders", "liveGeneration": 1, "lagMs": 0, "pauseMs": null, "generations": [generation]});
    assert_eq!(shown["projections"][0], expected);
}

#[tokio::test]
async fn a_generation_that_is_filled_stands_beside_the_one_that_readers_see() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    stage.begin(Projection::Orders, Shape(1), Some(500)).await;
    let orders = orders(&stage).await;
    assert_eq!(orders["liveGeneration"], 1);
    let told = |index: usize| ["generation", "state", "rate"].map(|field| orders["generations"][index][field].clone());
    assert_eq!(told(0), [json!(1), json!("served"), json!(null)]);
    assert_eq!(told(1), [json!(2), json!("filling"), json!(500)]);
    let read = |index: usize| orders["generations"][index]["progress"]["read"].clone();
    assert_eq!((read(0), read(1)), (json!(1), json!(0)));
    assert!(orders["generations"][1]["startedAt"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn what_is_parked_is_counted_where_it_waits() {
    let stage = Stage::open().await;
    let entry = ParkingEntry {
        version: Some(Version(1)),
        cause: Cause::Undecodable,
        reason: "the record gives no event".to_owned(),
        event_type: None,
        event_id: None,
        topic: "orders.events.v1".to_owned(),
        partition: 0,
        offset: 0,
        at: Timestamp::from_micros(1_700_000_000_000_000),
    };
    let stream = OrderId::from_bits(7).stream().clone();
    stage.park(Projection::Orders, Park { stream, from: Version::NONE, entry }).await;
    let shown = stage.get("/ops/pipeline", &admin(), &[]).await.json();
    let parked = |index: usize| shown["projections"][index]["generations"][0]["progress"]["parked"].clone();
    assert_eq!((parked(0), parked(1)), (json!(1), json!(0)));
}

#[tokio::test]
async fn a_projection_that_never_began_has_no_generations() {
    let stage = Stage::unprojected(Vec::new()).await;
    let expected = json!({"name": "orders", "liveGeneration": null, "lagMs": null, "pauseMs": null, "generations": []});
    assert_eq!(orders(&stage).await, expected);
}
