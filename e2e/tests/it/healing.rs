//! What Kafka loses comes back from MongoDB.

use std::time::Duration;

use e2e::client::{Request, order_of};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use schemas::Aggregate;
use serde_json::Value;
use stack::eventually;

use crate::world::{SETTLED, World};

/// Deletes a topic with everything that was published into it, and waits until the broker no longer knows it.
async fn lose(world: &World, topic: &str) {
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", &world.system.addresses().kafka_brokers);
    let admin: AdminClient<DefaultClientContext> = settings.create().expect("a client for administrators");
    let deleted = admin.delete_topics(&[topic], &AdminOptions::new()).await.expect("an answer");
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    eventually("the topic is gone", SETTLED, async || {
        let known = admin.inner().fetch_metadata(Some(topic), Duration::from_secs(2)).ok()?;
        known.topics().iter().all(|known| known.partitions().is_empty()).then_some(())
    })
    .await;
}

/// What `ops status` answers, and its exit code.
fn status(world: &World) -> (Option<i32>, Value) {
    let output = world.system.operate(&["status", "--output", "json"]).expect("the operators' command line");
    let answer = serde_json::from_slice(&output.stdout);
    (output.status.code(), answer.unwrap_or_else(|_| panic!("no JSON: {output:?}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_lost_is_filled_again_and_a_new_reader_gets_everything_in_order() {
    let world = World::enter().await;
    let sku = World::name("LOST");
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let user = world.gateway.user(&World::name("lost")).await;
    let place = async || {
        let order = Request::by(&user).json(order_of(&user, &sku, 1));
        let _ = world.gateway.post("/commands/orders", order).await.expect(201);
    };
    for _ in 0..5 {
        place().await;
    }
    let _ = world.settle().await;
    let before = steward_counted(&world).await;

    lose(&world, Aggregate::Order.topic()).await;
    let (code, answer) = status(&world);
    assert_eq!(code, Some(1), "{answer}");
    let attention = answer.get("attention").map(Value::to_string).unwrap_or_default();
    assert!(attention.contains("topic orders.events.v1 does not exist"), "{answer}");
    let applied = world.system.operate(&["topics", "apply", "--execute"]).expect("the operators' command line");
    assert!(applied.status.success(), "{applied:?}");

    let noticed = async || (steward_counted(&world).await > before).then_some(());
    eventually("the steward notices", SETTLED, noticed).await;
    let again = world.store().outbox().again();
    let published = async || (again.backlog(1).await.ok()? == 0).then_some(());
    eventually("everything is published again", SETTLED, published).await;
    place().await;
    // Compares the views with MongoDB, and reads the topic as one who reads it for the first time.
    let _ = world.settle().await;
    eventually("nothing needs attention", SETTLED, async || (status(&world).0 == Some(0)).then_some(())).await;
}

/// How often the steward found that a topic was lost.
async fn steward_counted(world: &World) -> u64 {
    let url = format!("{}/metrics", world.system.admin_url("steward").expect("an admin port"));
    let text = reqwest::get(url).await.expect("metrics").text().await.expect("metrics");
    let count = text.lines().find_map(|line| line.strip_prefix("steward_lost_logs_total "));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or_default()
}
