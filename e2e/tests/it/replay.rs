//! Everything that ever happened is read again, by everybody: nothing happens a second time.

use std::collections::BTreeMap;

use bus::log::{Begin, GroupPositions, Log, Span};
use bus::{ConsumerGroup, KafkaConfig};
use e2e::client::LoggedIn;
use e2e::provider;
use e2e::socket::Socket;
use read_model::{Sink, Source};
use schemas::Aggregate;
use serde_json::Value;
use stack::eventually;
use tokio::process::Command;

use crate::fulfilment::{becomes, place, product};
use crate::journey::frame;
use crate::world::{SETTLED, World};

impl World {
    /// Has the operators' command line do something, which may have to wait until a group has no members.
    async fn operate(&self, line: &str) {
        eventually(&format!("ops {line}"), SETTLED, async || {
            let mut command = Command::from(self.system.operator().expect("the ops binary"));
            command.args(line.split(' ')).output().await.expect("the ops binary").status.success().then_some(())
        })
        .await;
    }
}

fn kafka(world: &World) -> KafkaConfig {
    let at = world.system.addresses();
    KafkaConfig::in_clear(&at.kafka_brokers, &at.schema_registry_url)
}

/// What each partition of a topic holds.
async fn held(world: &World, aggregate: Aggregate) -> Vec<Span> {
    let log = Log::open(&kafka(world), aggregate.topic()).await.expect("Kafka").expect("the topic");
    log.spans(Begin::Start, None).await.expect("Kafka")
}

/// How far a group has come in a topic, by partition.
async fn reached(world: &World, group: &str, aggregate: Aggregate, spans: &[Span]) -> BTreeMap<i32, i64> {
    let positions = GroupPositions::of(&kafka(world), group, aggregate.topic()).expect("Kafka");
    positions.now(spans).await.expect("Kafka")
}

/// What a reader has not read yet of a topic, if there is anything.
fn unread(who: &str, aggregate: Aggregate, spans: &[Span], reached: &BTreeMap<i32, i64>) -> Result<(), String> {
    let is_behind = |span: &&Span| span.records() > 0 && reached.get(&span.partition).is_none_or(|at| *at < span.until);
    match spans.iter().find(is_behind) {
        Some(span) => Err(format!("{who} is at {reached:?} of {}, which holds {span:?}", aggregate.topic())),
        None => Ok(()),
    }
}

/// Waits until the feeds have read what the logs hold now.
async fn told(world: &World) {
    let read = stack::within(SETTLED, async || {
        let told = world.read_model().survey(Sink::Feeds).await.expect("the feeds").positions;
        for aggregate in ConsumerGroup::NOTIFIER.hears {
            let of = |(source, next): (&Source, &i64)| {
                (&*source.topic == aggregate.topic()).then_some((source.partition, *next))
            };
            unread("feeds", *aggregate, &held(world, *aggregate).await, &told.iter().filter_map(of).collect())?;
        }
        Ok(())
    });
    read.await.unwrap_or_else(|behind| panic!("the feeds are not read to the end: {behind}"));
}

/// What lies in the topics that each group hears.
async fn heard(world: &World) -> Vec<(&'static str, Aggregate, Vec<Span>)> {
    let mut heard = Vec::new();
    for ConsumerGroup { name, hears } in ConsumerGroup::ACTING {
        for aggregate in hears {
            heard.push((name, *aggregate, held(world, *aggregate).await));
        }
    }
    heard
}

/// Waits until whoever acts has read this again.
async fn heard_again(world: &World, heard: &[(&'static str, Aggregate, Vec<Span>)]) {
    let read = stack::within(SETTLED, async || {
        for (group, aggregate, spans) in heard {
            unread(group, *aggregate, spans, &reached(world, group, *aggregate, spans).await)?;
        }
        Ok(())
    });
    read.await.unwrap_or_else(|behind| panic!("not everybody reads everything again: {behind}"));
}

/// The place in a feed where a new socket begins: its last number, and the digest of everything before it.
async fn cursor(world: &World, user: &LoggedIn) -> Value {
    let mut socket = Socket::open(&world.gateway, world.system.gateway(), user, None).await.expect("a socket");
    frame(&mut socket, "hello").await.get("cursor").cloned().expect("a cursor")
}

/// Orders that were paid, that could not be, that took long, and for which there were no pieces left.
async fn history(world: &World, user: &LoggedIn) {
    let sku = product(world, "REPLAYED", 6).await;
    let paid = place(world, user, &sku, "pm_card_visa").await;
    let declined = place(world, user, &sku, "pm_card_chargeDeclined").await;
    let unknown = place(world, user, &sku, "pm_orderflow_timeoutThenApproved").await;
    for (order, end) in [(&paid, "PAID"), (&declined, "CANCELLED"), (&unknown, "PAID")] {
        becomes(world, order, end).await;
    }
    let gone = product(world, "GONE", 0).await;
    becomes(world, &place(world, user, &gone, "pm_card_visa").await, "REJECTED").await;
}

/// Seen to fail when a feed tells an event again that comes again (`feeds-tell-what-comes-again`).
#[tokio::test(flavor = "multi_thread")]
async fn a_full_replay_moves_no_money_and_tells_nobody_anything() {
    let world = World::alone().await;
    let user = world.gateway.user(&World::name("calm")).await;
    history(&world, &user).await;
    let events = world.settle().await;
    told(&world).await;
    let heard = heard(&world).await;
    let before = (provider::charges(&world.system).await, cursor(&world, &user).await);

    for actor in ["command-api", "command-api-2"] {
        world.system.stop(actor).await.expect("a stopped actor");
    }
    for (group, aggregate, spans) in &heard {
        world.operate(&format!("replay {} --group {group} --execute", aggregate.topic())).await;
        let reached = reached(&world, group, *aggregate, spans).await;
        assert!(spans.iter().all(|span| reached.get(&span.partition) == Some(&span.from)), "{group}: {reached:?}");
    }
    for actor in ["command-api", "command-api-2"] {
        world.system.start(actor).await.expect("the actor again");
    }
    world.operate("republish --all --execute").await;
    eventually("all is published again", SETTLED, async || {
        (world.store().outbox().again().backlog(1).await.expect("the store") == 0).then_some(())
    })
    .await;
    told(&world).await;
    heard_again(&world, &heard).await;

    assert_eq!(world.settle().await, events, "nothing was decided");
    assert_eq!((provider::charges(&world.system).await, cursor(&world, &user).await), before);
    let sku = product(&world, "NEWS", 1).await;
    let newest = place(&world, &user, &sku, "pm_card_visa").await;
    // Whoever goes on from where the feed was before is told nothing else in between.
    let then = before.1.as_str();
    let mut resumed = Socket::open(&world.gateway, world.system.gateway(), &user, then).await.expect("a socket");
    let hello = frame(&mut resumed, "hello").await;
    assert_eq!(hello.get("recovered"), Some(&Value::Bool(true)), "{hello}");
    let news = frame(&mut resumed, "event").await;
    assert_eq!(news.get("stream").and_then(Value::as_str), Some(newest.as_str()), "the first news since then");
    let _ = world.settle().await;
}
