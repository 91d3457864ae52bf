//! A topic that is made anew: the views stay, and what is published again is recognised.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use stack::servers::Kafka;
use stack::testing::{self, eventually};
use views::OrderView;

use crate::world::{SOON, World, cancelled, fresh_order, placed, prepared};

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_is_read_from_its_start_onto_the_views_that_are_there() {
    let kafka: Kafka = testing::own().await;
    let world = World::new(prepared(kafka.url()).await).await;
    let running = world.project("one", "orders");
    let orders: Vec<_> = (0..60).map(|_| fresh_order()).collect();
    let before: Vec<_> = orders.iter().map(placed).collect();
    world.publish(&before).await;
    world.shows::<OrderView>(&before).await;

    make_anew(kafka.url(), "orders.events.v1").await;
    prepared(kafka.url()).await;
    // Someone publishes again from the store: some of it twice, and what happened since.
    let after: Vec<_> =
        orders[..30].iter().flat_map(|order| [placed(order), placed(order), cancelled(order)]).collect();
    world.publish(&after).await;
    let all: Vec<_> = before.iter().chain(&after).cloned().collect();
    world.shows::<OrderView>(&all).await;
    eventually("it is well again", SOON, async || running.0.health.is_ready().then_some(())).await;
    running.stop().await;
}

async fn make_anew(brokers: &str, topic: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    admin.delete_topics(&[topic], &AdminOptions::new()).await.unwrap();
    eventually("the topic is gone", SOON, async || {
        let metadata = admin.inner().fetch_metadata(None, SOON).unwrap();
        metadata.topics().iter().all(|found| found.name() != topic).then_some(())
    })
    .await;
}
