//! What operators see of parked streams.

use read_model::{Cause, Park, ParkingEntry};
use schemas::{EventId, OrderId, Timestamp, Version};
use serde_json::json;
use uuid::Uuid;
use views::Projection;

use crate::caller::{admin, user};
use crate::stage::Stage;

#[tokio::test]
async fn only_an_admin_sees_which_streams_are_parked_and_why() {
    let stage = Stage::open().await;
    let order = OrderId::from_bits(7).stream().clone();
    let entry = ParkingEntry {
        version: Some(Version(3)),
        cause: Cause::Unfoldable,
        reason: "OrderPaid happened to something that does not exist".to_owned(),
        event_type: Some("orderflow.order.OrderPaid".to_owned()),
        event_id: Some(EventId(Uuid::nil())),
        topic: "orders.events.v1".to_owned(),
        partition: 0,
        offset: 12,
        at: Timestamp::from_micros(1_700_000_000_000_000),
    };
    stage.park(Projection::History, Park { stream: order.clone(), from: Version::NONE, entry }).await;
    assert_eq!(stage.get("/ops/parked", &user("usr_a"), &[]).await.problem().0, 403);
    let expected = json!({
        "count": 1,
        "parked": [{
            "projection": "history",
            "generation": 1,
            "stream": order.to_string(),
            "version": 3,
            "cause": "unfoldable",
            "reason": "OrderPaid happened to something that does not exist",
            "eventType": "orderflow.order.OrderPaid",
            "eventId": Uuid::nil().to_string(),
            "topic": "orders.events.v1",
            "partition": 0,
            "offset": 12,
            "at": "2023-11-14T22:13:20.000000Z",
        }],
    });
    assert_eq!(stage.get("/ops/parked", &admin(), &[]).await.json(), expected);
    assert_eq!(stage.get("/ops/parked?projection=history", &admin(), &[]).await.json(), expected);
    assert_eq!(stage.get("/ops/parked?projection=orders", &admin(), &[]).await.json()["count"], 0);
    assert_eq!(stage.get("/ops/parked?projection=order", &admin(), &[]).await.problem().0, 400);
}
