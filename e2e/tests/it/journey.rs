//! One order's way through everything.

use std::time::Duration;

use e2e::client::{Request, order_of};
use e2e::socket::{Received, Socket};
use serde_json::{Value, json};

use crate::world::World;

const SOON: Duration = Duration::from_secs(60);

/// The next frame of this type; others are passed over.
pub(crate) async fn frame(socket: &mut Socket, kind: &str) -> Value {
    loop {
        match socket.next(SOON).await {
            Ok(Received::Frame(frame)) if frame.get("frame").and_then(Value::as_str) == Some(kind) => return frame,
            Ok(Received::Frame(_)) => {}
            other => panic!("a frame {kind} was expected, not {other:?}"),
        }
    }
}

/// Seen to fail when a query with a token is answered from what is there (`queries-do-not-wait`).
#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_readable_with_its_token_at_once_and_its_frame_arrives() {
    let world = World::enter().await;
    let sku = World::name("JOURNEY");
    let _ = world.gateway.product(&world.admin, &sku, 599).await;
    let user = world.gateway.user(&World::name("journey")).await;
    let mut socket = Socket::open(&world.gateway, world.system.gateway(), &user, None).await.expect("a socket");
    let hello = frame(&mut socket, "hello").await;
    assert_eq!(hello.get("recovered"), Some(&json!(false)), "{hello}");

    let placed = world.gateway.post("/commands/orders", Request::by(&user).json(order_of(&user, &sku, 2))).await;
    let placed = placed.expect(201);
    let (id, token) = (placed.text("orderId"), placed.text("consistencyToken"));
    assert_eq!(placed.header("consistency-token"), Some(token.as_str()));
    assert_eq!(placed.header("etag"), Some("\"1\""));
    assert_eq!(placed.header("location"), Some(format!("/queries/orders/{id}").as_str()));

    let read = Request::by(&user).with("consistency-token", &token);
    let order = world.gateway.get(&format!("/queries/orders/{id}"), read.clone()).await.expect(200);
    let order = order.body.get("order").cloned().expect("the seed's wrapper");
    for (field, value) in [
        ("_id", json!(id)),
        ("orderId", json!(id)),
        ("userId", json!(user.id)),
        ("totalAmount", json!(1198)),
        ("itemCount", json!(2)),
        ("previewSkus", json!([sku])),
    ] {
        assert_eq!(order.get(field), Some(&value), "{field} of {order}");
    }
    // There are no pieces, so the order does not stay as it was placed for long.
    let standing = (order.get("status").cloned(), order.get("version").cloned());
    let may_be = [("CREATED", 1), ("REJECTED", 2)].map(|(status, version)| (Some(json!(status)), Some(json!(version))));
    assert!(may_be.contains(&standing), "{order}");
    let list = world.gateway.get("/queries/orders", read.clone()).await.expect(200);
    assert_eq!(list.body.get("count"), Some(&json!(1)), "one token serves item and list: {list:?}");
    let history = world.gateway.get(&format!("/queries/orders/{id}/history"), read).await.expect(200);
    assert_eq!(history.body.pointer("/events/0/type"), Some(&json!("OrderPlaced")), "{history:?}");

    let event = frame(&mut socket, "event").await;
    for (field, value) in [("stream", json!(id)), ("version", json!(1)), ("seq", json!(1))] {
        assert_eq!(event.get(field), Some(&value), "{field} of {event}");
    }
    let _ = world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_is_told_in_order_and_a_resumed_socket_misses_nothing() {
    let world = World::enter().await;
    let sku = World::name("RESUME");
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let stock = Request::by(&world.admin).json(json!({ "quantity": 1 }));
    let _ = world.gateway.post(&format!("/commands/products/{sku}/stock"), stock).await.expect(200);
    let user = world.gateway.user(&World::name("resume")).await;
    let mut socket = Socket::open(&world.gateway, world.system.gateway(), &user, None).await.expect("a socket");
    let cursor = frame(&mut socket, "hello").await.get("cursor").and_then(Value::as_str).expect("a cursor").to_owned();
    drop(socket);

    let mut order = order_of(&user, &sku, 1);
    order["paymentMethod"] = json!("pm_orderflow_slow");
    let place = Request::by(&user).json(order);
    let id = world.gateway.post("/commands/orders", place).await.expect(201).text("orderId");
    let reserved = Request::by(&user).with("consistency-token", format!("{id}@2")).with("prefer", "wait=10");
    let _ = world.gateway.get(&format!("/queries/orders/{id}"), reserved).await.expect(200);
    let cancel = Request::by(&user).with("if-match", "\"2\"").json(json!({ "reason": "changed my mind" }));
    let cancelled = world.gateway.post(&format!("/commands/orders/{id}/cancel"), cancel).await.expect(200);
    assert_eq!(cancelled.header("etag"), Some("\"3\""));

    let resumed = Socket::open(&world.gateway, world.system.gateway(), &user, Some(&cursor)).await;
    let mut socket = resumed.expect("a socket");
    let hello = frame(&mut socket, "hello").await;
    assert_eq!(hello.get("recovered"), Some(&json!(true)), "{hello}");
    // Its payment is told in between.
    let (mut seq, mut told) = (0, Vec::new());
    while told.len() < 3 {
        let event = frame(&mut socket, "event").await;
        seq += 1;
        assert_eq!(event.get("seq"), Some(&json!(seq)), "{event}");
        if event.get("stream") == Some(&json!(id)) {
            told.push((event.get("version").cloned(), event.get("type").cloned()));
        }
    }
    let names = [(1, "OrderPlaced"), (2, "OrderReserved"), (3, "OrderCancelled")];
    assert_eq!(told, names.map(|(version, name)| (Some(json!(version)), Some(json!(name)))));
    let _ = world.settle().await;
}
