//! A record that nobody of ours wrote, on a topic of ours: its stream waits, everything else goes on.
//!
//! Its record stays in the log, and every generation that is filled from it parks that stream again: so this comes after
//! the test of a rebuild, by its name.

use e2e::client::{Answer, Request, order_of};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use schemas::OrderId;
use serde_json::{Value, json};
use stack::eventually;
use uuid::Uuid;

use crate::healing::operate;
use crate::payments::counted;
use crate::world::{SETTLED, World};

/// Where events of orders are parked.
pub(crate) const PLACES: [&str; 3] = ["orders", "history", "feeds"];

/// The first version of this order, says its header.
pub(crate) async fn garbage(world: &World, order: &OrderId) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &world.system.addresses().kafka_brokers).set("partitioner", "murmur2_random");
    let producer: FutureProducer = config.create().expect("a producer");
    let id = Uuid::new_v4().to_string();
    let header = |key, value| Header { key, value: Some(value) };
    let headers = OwnedHeaders::new().insert(header("ce_id", id.as_str())).insert(header("ce_sequence", "1"));
    let record = FutureRecord::to("orders.events.v1").key(order.as_str()).payload("garbage").headers(headers);
    producer.send(record, Timeout::Never).await.map_err(|(error, _)| error).expect("a record");
}

/// Where this order is parked, as an admin sees it.
pub(crate) async fn parked(world: &World, order: &OrderId) -> Vec<String> {
    let answer = world.gateway.get("/ops/parked", Request::by(&world.admin)).await.expect(200);
    let parked = answer.body.get("parked").and_then(Value::as_array).expect("entries");
    let of_order = parked.iter().filter(|entry| entry.get("stream").and_then(Value::as_str) == Some(order.as_str()));
    of_order.filter_map(|entry| entry.get("projection").and_then(Value::as_str)).map(str::to_owned).collect()
}

/// What `ops parked …` says.
async fn ops(world: &World, words: &[&str]) -> String {
    let mut command = tokio::process::Command::from(world.system.operator().expect("the ops binary"));
    let output = command.arg("parked").args(words).output().await.expect("ops");
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What an admin is answered who asks for this.
pub(crate) async fn asked(world: &World, place: &str, order: &OrderId, what: &str) -> Answer {
    let because = json!({ "because": "not ours" });
    world.gateway.post(&format!("/ops/parked/{place}/{order}/{what}"), Request::by(&world.admin).json(because)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_record_parks_one_stream_that_operators_see_and_let_go_while_orders_go_on() {
    let world = World::enter().await;
    let (sku, user) = (World::name("POISON"), world.gateway.user(&World::name("poison")).await);
    let _ = world.gateway.product(&world.admin, &sku, 250).await;
    let stranger = OrderId::from_bits(Uuid::new_v4().as_u128());
    garbage(&world, &stranger).await;
    eventually("it is parked everywhere", SETTLED, async || (parked(&world, &stranger).await == PLACES).then_some(()))
        .await;
    // Enough orders for every partition.
    for _ in 0..24 {
        let order = Request::by(&user).json(order_of(&user, &sku, 1));
        let placed = world.gateway.post("/commands/orders", order).await.expect(201);
        let read = Request::by(&user).with("consistency-token", placed.text("consistencyToken"));
        let _ = world.gateway.get(&format!("/queries/orders/{}", placed.text("orderId")), read).await.expect(200);
    }
    let _ = world.gateway.get("/health/ready", Request::default()).await.expect(200);
    let _ = world.settle().await;
    assert_eq!(parked(&world, &stranger).await, PLACES, "nobody has let it go");

    let listed = ops(&world, &["ls"]).await;
    assert_eq!(listed.matches(stranger.as_str()).count(), PLACES.len(), "{listed}");
    let silent = Request::by(&world.admin).json(json!({ "because": " " }));
    let _ = world.gateway.post(&format!("/ops/parked/orders/{stranger}/discard"), silent).await.expect(400);
    assert_eq!(parked(&world, &stranger).await, PLACES, "nothing is discarded without a reason");
    let discarded = asked(&world, "orders", &stranger, "discard").await.expect(200).body;
    assert_eq!((&discarded["executed"], &discarded["items"][0]["action"]), (&json!(true), &json!("change")));
    assert!(discarded["items"][0]["state"].to_string().contains("it is no event of the store's"), "{discarded}");
    assert!(ops(&world, &["ls", "--projection", "orders"]).await.contains("not ours"), "the reason is kept");
    eventually("an audit finds no document that MongoDB knows nothing of", SETTLED, async || {
        let audited = operate(&world, &["audit", "orders", "--only", stranger.as_str()]).await;
        (audited.status.code() == Some(0)).then_some(())
    })
    .await;
    let redriven = ops(&world, &["redrive", stranger.as_str(), "--projection", "history", "--execute"]).await;
    assert!(redriven.contains("the store has nothing newer"), "{redriven}");
    let redriven = asked(&world, "feeds", &stranger, "redrive").await.expect(200).body.to_string();
    assert!(redriven.contains("the store has nothing newer"), "{redriven}");
    let refused = asked(&world, "feeds", &stranger, "redrive").await.expect(409);
    assert_eq!(refused.text("code"), "operation_refused");
    assert_eq!(refused.text("detail"), format!("Nothing was done. {stranger}: is not parked in feeds"));
    assert_eq!(parked(&world, &stranger).await, [""; 0]);
    let _ = world.gateway.get(&format!("/queries/orders/{stranger}"), Request::by(&world.admin)).await.expect(404);
    let _ = world.settle().await;
    assert!(counted(&world, "steward", "steward_diverged_streams").await < 1.0, "the steward goes on healing");
}
