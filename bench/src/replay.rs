//! B3: the projector replays orders: decodes, folds, and writes one atomic call per batch; beside the same commands on
//! as many keys, plainly pipelined, which guard nothing and fold nothing.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::join_all;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, Pipeline};
use runtime::clock;
use schemas::{Aggregate, AnyEvent, OrderEvent, Recorded};
use stack::within;
use views::{Listing, OrderView, View as _};

use crate::case::{Case, Floor, Side};
use crate::measure::{Meter, Round};
use crate::plan::Plan;
use crate::world::{PATIENCE, World};
use crate::{orders, report};

const FLOOR: Floor = Floor::AtLeast(0.6);
/// Partitions of the topic, each of which the projector works on by itself.
pub(crate) const PARTITIONS: usize = 12;
/// Events of one batch, as the projector takes them.
const BATCH: usize = 100;
/// Records that may be under way while a log is filled.
const PAGE: usize = 2_000;
/// Readers see this generation, if nothing was ever rebuilt.
const FIRST: u32 = 1;

/// Runs it.
pub(crate) async fn run(world: &World, plan: &Plan) -> Vec<Case> {
    report::say(&format!("B3 projector, {} events", plan.replay));
    world.only(&[]).await;
    publish(world, plan.replay).await;
    let (total, documents) = (records(world), documents(plan));
    let mut redis = world.redis().await;
    let mut sides = vec![Side::new("ours"), Side::new("plain pipeline")];
    for _ in 0..plan.rounds {
        let _: () = redis.flushall().await.expect("an empty Redis");
        sides[0].rounds.push(replay(world, &redis, total).await);
        let projected: u64 = redis.zcard("{orders}:g1:l:all").await.expect("the list of all orders");
        assert!(projected >= u64::from(plan.replay), "{projected} orders are in the views");
        world.only(&[]).await;
        let _: () = redis.flushall().await.expect("an empty Redis");
        sides[1].rounds.push(write(world, &redis, &documents).await);
        let written: u64 = redis.zcard("{orders}:g1:l:all").await.expect("the list of all orders");
        assert_eq!(written, u64::from(plan.replay), "every order was written");
    }
    let _: () = redis.flushall().await.expect("an empty Redis");
    let case = Case::new("B3", format!("{PARTITIONS} partitions, {total} events"), "events", sides);
    vec![case.throughput(1, Some(FLOOR))]
}

/// Publishes so many orders that were never placed.
pub(crate) async fn publish(world: &World, events: u32) {
    let producer = world.producer().await;
    let round = producer.round().expect("a round");
    for begin in (0..events).step_by(PAGE) {
        let page = (begin..events).take(PAGE);
        let acks: Vec<_> = page.map(|_| round.send(&orders::recorded()).expect("a send")).collect();
        for ack in acks {
            let _delivered = ack.await.expect("a delivery");
        }
    }
}

/// As many documents as [`publish`] makes orders of this plan.
pub(crate) fn documents(plan: &Plan) -> Vec<Stored> {
    (0..plan.replay).map(|_| Stored::of(&orders::recorded())).collect()
}

/// How many records the topic of orders holds.
pub(crate) fn records(world: &World) -> u64 {
    let mut config = ClientConfig::new();
    let config = config.set("bootstrap.servers", &world.system.addresses().kafka_brokers);
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let partitions = 0..i32::try_from(PARTITIONS).expect("few partitions");
    let ends = partitions.map(|partition| {
        let ends = consumer.fetch_watermarks(Aggregate::Order.topic(), partition, PATIENCE);
        u64::try_from(ends.expect("a partition's ends").1).expect("an offset")
    });
    ends.sum()
}

/// Measures from when a tenth is done, so that neither the start of the process nor its first batch counts. A log that is
/// so short that all is done by then is measured from the start.
async fn replay(world: &World, redis: &MultiplexedConnection, total: u64) -> Round {
    let begun = clock::monotonic();
    world.only(&[("projector", &[("PROJECTIONS", "orders")])]).await;
    let first = reached(redis, FIRST, total / 10, PATIENCE).await;
    let meter = Meter::start(&[world.pid("projector"), world.pid("redis"), world.pid("kafka")]);
    let last = reached(redis, FIRST, total, PATIENCE).await;
    match meter.stop(last - first, None) {
        Round { operations: 0, .. } => {
            let seconds = begun.elapsed().as_secs_f64();
            Round { operations: total, seconds, cpu: Vec::new(), times: None }
        }
        round => round,
    }
}

/// Waits until a generation is past so many records; past how many it is.
pub(crate) async fn reached(redis: &MultiplexedConnection, generation: u32, least: u64, patience: Duration) -> u64 {
    let position = async || match position(redis.clone(), generation).await {
        done if done >= least => Ok(done),
        done => Err(format!("{done} of {least} events are projected")),
    };
    within(patience, position).await.unwrap_or_else(|missing| panic!("{missing}"))
}

/// How many records a generation is past, over all partitions.
async fn position(mut redis: MultiplexedConnection, generation: u32) -> u64 {
    let positions: HashMap<String, String> = redis.hgetall(positions(generation)).await.expect("the positions");
    let next = |position: &String| position.split(' ').next().and_then(|next| next.parse::<u64>().ok());
    positions.values().filter_map(next).sum()
}

/// Where the projector stores how far it has come.
fn positions(generation: u32) -> String {
    format!("{{orders}}:g{generation}:pos")
}

/// What the projector stores of one order.
pub(crate) struct Stored {
    stream: String,
    event: String,
    body: Vec<u8>,
    lists: Vec<Listing>,
}

impl Stored {
    fn of(event: &Recorded<AnyEvent>) -> Self {
        let order = event.clone().map(|event| OrderEvent::try_from(event).expect("an order's event"));
        let view = OrderView::apply(None, &order).expect("a view").expect("a living view");
        let body = serde_json::to_vec(&view).expect("JSON");
        let (stream, event) = (event.stream.as_str().to_owned(), event.id.to_string());
        Self { stream, event, body, lists: view.lists() }
    }
}

/// Writes them by plain means.
pub(crate) async fn write(world: &World, redis: &MultiplexedConnection, documents: &[Stored]) -> Round {
    let begun = clock::monotonic();
    let meter = Meter::start(&[World::me(), world.pid("redis")]);
    let partitions = documents.chunks(documents.len().div_ceil(PARTITIONS)).enumerate();
    let work = partitions.map(async |(partition, documents)| {
        let mut redis = redis.clone();
        for (number, batch) in documents.chunks(BATCH).enumerate() {
            let source = format!("orders.events.v1:{partition}");
            let commands = commands(batch, &source, number * BATCH + batch.len());
            let _: () = commands.query_async(&mut redis).await.expect("a pipeline that was carried out");
        }
    });
    let _done = join_all(work).await;
    assert!(begun.elapsed() < PATIENCE, "it takes too long to mean anything");
    meter.stop(u64::try_from(documents.len()).expect("not so many"), None)
}

/// What the projector's call comes to in Redis, without its checks.
fn commands(batch: &[Stored], source: &str, next: usize) -> Pipeline {
    let mut commands = Pipeline::new();
    let mut notice = String::new();
    for Stored { stream, event, body, lists } in batch {
        let key = format!("{{orders}}:g1:d:{stream}");
        commands.cmd("HSET").arg(key).arg("v").arg(1).arg("e").arg(event).arg("b").arg(body).ignore();
        for Listing { list, score } in lists {
            commands.cmd("ZADD").arg(format!("{{orders}}:g1:l:{list}")).arg(score).arg(stream).ignore();
        }
        notice.push_str(stream);
        notice.push_str("@1 ");
    }
    commands.cmd("HSET").arg(positions(FIRST)).arg(source).arg(format!("{next} -")).ignore();
    commands.cmd("PUBLISH").arg("{orders}:g1:applied").arg(notice).ignore();
    commands
}
