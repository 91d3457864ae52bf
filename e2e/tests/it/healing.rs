//! What Kafka loses comes back from MongoDB.

use std::process::Output;
use std::time::Duration;

use e2e::client::{Request, order_of};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use schemas::Aggregate;
use serde_json::Value;
use stack::{eventually, testing};
use tokio::process::Command;

use crate::fulfilment::product;
use crate::payments::counted;
use crate::world::{SETTLED, World};

/// How long everything takes at most that waits for a topic that came back: its readers, who have to find it first, and
/// whoever fills it.
pub(crate) const HEALED: Duration = Duration::from_secs(180);

/// How often the steward found that a topic had lost records.
const LOST: &str = "steward_lost_logs_total";

/// A topic is deleted, with everything in it, while all processes run and orders are placed. Payments are read by every
/// kind of reader there is: projectors, the notifier, fulfilments and the cashier.
///
/// Seen to fail when the steward compares only the number of a topic's records with that of its last look: made anew, it soon
/// holds as many.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_lost_is_filled_again_and_a_new_reader_gets_everything_in_order() {
    let world = World::alone().await;
    let lost = if testing::full() { vec![Aggregate::Payment, Aggregate::Order] } else { vec![Aggregate::Payment] };
    let sku = product(&world, "LOST", 100).await;
    let user = world.gateway.user(&World::name("lost")).await;
    let place = async || {
        let order = Request::by(&user).json(order_of(&user, &sku, 1));
        let _ = world.gateway.post("/commands/orders", order).await.expect(201);
    };
    for aggregate in lost {
        place().await;
        let published =
            world.settle().await.values().flatten().filter(|event| event.stream.aggregate() == aggregate).count();
        // What it has never seen it cannot miss before it counts everything, once an hour.
        let records = format!("steward_topic_records{{topic=\"{}\"}}", aggregate.topic());
        let published = f64::from(u32::try_from(published).expect("few events"));
        let looked = async || (counted(&world, "steward", &records).await >= published).then_some(());
        eventually("the steward has seen what there is to lose", HEALED, looked).await;
        let before = counted(&world, "steward", LOST).await;

        delete(&world, aggregate.topic()).await;
        place().await;
        let missing = format!("topic {} does not exist", aggregate.topic());
        let told = async || status(&world).await.1.contains(&missing).then_some(());
        eventually("the status names the topic", SETTLED, told).await;
        let applied = operate(&world, &["topics", "apply", "--execute"]).await;
        assert!(applied.status.success(), "{applied:?}");

        let noticed = async || (counted(&world, "steward", LOST).await > before).then_some(());
        eventually("the steward notices", HEALED, noticed).await;
        place().await;
        let again = world.store().outbox().again();
        let published = async || (again.backlog(1).await.ok()? == 0).then_some(());
        eventually("everything is published again", HEALED, published).await;
        // Every order is carried out, the views equal the fold, and whoever reads the topics anew gets everything in order.
        let _ = world.settle_within(HEALED).await;
    }
    eventually("nothing needs attention", HEALED, async || (status(&world).await.0 == Some(0)).then_some(())).await;
}

/// Kafka, for who may do everything.
pub(crate) fn administrator(world: &World) -> AdminClient<DefaultClientContext> {
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", &world.system.addresses().kafka_brokers);
    settings.create().expect("a client for administrators")
}

/// Deletes a topic, and waits until the broker no longer knows it.
pub(crate) async fn delete(world: &World, topic: &str) {
    let admin = administrator(world);
    let deleted = admin.delete_topics(&[topic], &AdminOptions::new()).await.expect("an answer");
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    eventually("the topic is gone", SETTLED, async || {
        let known = admin.inner().fetch_metadata(Some(topic), Duration::from_secs(2)).ok()?;
        known.topics().iter().all(|known| known.partitions().is_empty()).then_some(())
    })
    .await;
}

/// What the operators' tool answers.
pub(crate) async fn operate(world: &World, arguments: &[&str]) -> Output {
    let mut command = Command::from(world.system.operator().expect("the ops binary"));
    command.args(arguments).output().await.expect("the ops binary")
}

/// The exit code of `ops status`, and what needs attention.
pub(crate) async fn status(world: &World) -> (Option<i32>, String) {
    let output = operate(world, &["status", "--output", "json"]).await;
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}"));
    (output.status.code(), answer.get("attention").map(Value::to_string).unwrap_or_default())
}
