//! What must not be done with generations is refused, and a plan changes nothing.

use std::collections::BTreeMap;

use bus::KafkaConfig;
use read_model::generations::{Begun, Retired, Shape};
use read_model::{Batch, Generation, Parking, ReadModel, RedisConfig, Source, Target};
use runtime::Process;
use schemas::{EventId, OrderId, Position, Version};
use serde_json::Value;
use stack::servers::Redis;
use stack::testing;
use tokio::process::Command;
use views::Projection;

use crate::apply::applied;
use crate::shown::write_of;

const ORDERS: Target = Target { projection: "orders", generation: Generation(1) };

struct World {
    redis: Redis,
    read_model: ReadModel,
    kafka: KafkaConfig,
}

impl World {
    /// Without a Kafka that answers.
    async fn new() -> Self {
        Self::beside(KafkaConfig::in_clear("127.0.0.1:1", "http://127.0.0.1:1")).await
    }

    async fn beside(kafka: KafkaConfig) -> Self {
        let redis: Redis = testing::own().await;
        let config = RedisConfig { redis_url: redis.url().into() };
        let read_model = ReadModel::connect(&config, &Process::new("ops-test", None)).unwrap();
        Self { redis, read_model, kafka }
    }

    /// The answer, which must have ended with this code.
    async fn answer(&self, line: &str, code: i32, mongodb: &str) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
        command.args(line.split(' ')).args(["--output", "json"]).env("REDIS_URL", self.redis.url());
        command.env("KAFKA_BROKERS", &self.kafka.kafka_brokers).env("MONGODB_URI", mongodb);
        command.env("SCHEMA_REGISTRY_URL", &self.kafka.schema_registry_url);
        let output = command.output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Name, action and state of each item of the answer, which must have ended with this code.
    async fn items(&self, line: &str, code: i32) -> Vec<(String, String, String)> {
        let answer = self.answer(line, code, "mongodb://127.0.0.1:1/nobody").await;
        let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
        let items = answer["items"].as_array().unwrap().iter();
        items.map(|item| (text(item, "name"), text(item, "action"), text(item, "state"))).collect()
    }

    async fn is_refused(&self, line: &str, words: &str) {
        let items = self.items(line, 2).await;
        assert!(
            items.iter().any(|(_, action, state)| action == "refuse" && state.contains(words)),
            "{line}: {items:?}"
        );
    }

    /// One document, the first record of the partition of its stream.
    async fn feed(&self, target: Target, body: &str) {
        self.feed_up_to(1, target, body).await;
    }

    /// One document, and so many records of its partition.
    async fn feed_up_to(&self, next: i64, target: Target, body: &str) {
        let order = OrderId::from_bits(1);
        let last_event = EventId(uuid::Uuid::from_u128(7));
        let write = write_of(order.stream(), (Version::NONE, Version::FIRST), last_event, body);
        let source = Source { topic: "orders.events.v1".into(), partition: 9 };
        let base = self.read_model.open(&target, &source).await.unwrap();
        let next = Position { next, last: Some(last_event) };
        let batch =
            Batch { target, source, base, next, writes: vec![write], gaps: Vec::new(), parking: Parking::default() };
        self.read_model.apply(&batch).await.unwrap();
    }

    /// What `ops status` says of a generation that was dropped in part.
    async fn left_over(&self) -> Vec<String> {
        let mongodb = testing::mongo().await.database("ops_left_over");
        let answer = self.answer("status", 1, &mongodb).await;
        let attention = answer["attention"].as_array().unwrap().iter().map(|said| said.as_str().unwrap().to_owned());
        attention.filter(|said| said.contains("dropped in part")).collect()
    }

    async fn live(&self) -> Generation {
        self.read_model.generations(&["orders"]).await.unwrap().remove(0).unwrap().live
    }
}

#[tokio::test]
async fn without_anything_to_switch_to_or_to_drop_nothing_is_done() {
    let world = World::new().await;
    for line in ["rebuild orders", "projections switch orders", "projections rollback orders --execute"] {
        world.is_refused(line, "nothing was ever projected").await;
    }
    let listed = world.items("projections ls", 0).await;
    let looked: BTreeMap<_, _> = listed.into_iter().map(|(name, action, _)| (name, action)).collect();
    assert_eq!((looked.len(), looked.get("orders").map(String::as_str)), (7, Some("look")));

    world.read_model.found(&ORDERS, Shape(1), 5).await.unwrap();
    world.is_refused("projections switch orders --execute", "no newer generation is there").await;
    world.is_refused("projections rollback orders --execute", "no other generation was ever live").await;
    world.is_refused("projections drop orders 1 --execute", "is live").await;
    for line in ["projections drop orders 2", "projections drop orders 2 --execute"] {
        world.is_refused(line, "there never was").await;
    }
    world.is_refused("rebuild orders --watch", "no other generation").await;
    let listed = world.items("projections ls orders", 0).await;
    assert!(listed[0].0 == "orders g1" && listed[0].2.starts_with("live, shape 1"), "{listed:?}");
}

#[tokio::test]
async fn what_differs_refuses_the_switch_unless_it_is_accepted_by_name() {
    let world = World::new().await;
    world.read_model.found(&ORDERS, Shape(1), 5).await.unwrap();
    let begun = world.read_model.begin("orders", Shape(1), None, 6).await.unwrap();
    assert_eq!(begun, Begun::New(Generation(2)));
    let second = Target { generation: Generation(2), ..ORDERS };
    world.feed(ORDERS, "{}").await;
    world.is_refused("projections switch orders --execute", "not there in g2").await;
    world.feed(second, r#"{"wrong":1}"#).await;
    let order = OrderId::from_bits(1);
    let refused = world.items("projections switch orders --execute", 2).await;
    assert!(refused.iter().any(|(name, _, _)| name.ends_with(order.as_str())), "{refused:?}");
    world.items(&format!("projections switch orders --accept {order}"), 0).await;
    assert_eq!(world.live().await, Generation(1), "a plan switches nothing");
    world.items(&format!("projections switch orders --accept {order} --execute"), 0).await;
    assert_eq!(world.live().await, Generation(2));

    let named = "`ops projections rollback orders 1 --execute`";
    let planned = world.items("projections rollback orders", 0).await;
    assert!(planned[0].1 == "change" && planned[0].2.contains(named), "{planned:?}");
    world.is_refused("projections rollback orders --execute", named).await;
    assert_eq!(world.live().await, Generation(2), "neither a plan nor half a wish goes anywhere");
    for action in ["change", "none"] {
        let items = world.items("projections rollback orders 1 --execute", 0).await;
        assert_eq!((items[0].0.as_str(), items[0].1.as_str()), ("orders g1", action), "{items:?}");
        assert_eq!(world.live().await, Generation(1), "whoever asks again is not led forth again");
    }
    world.items("projections drop orders 2", 0).await;
    assert!(world.read_model.footprint(&second).await.unwrap().documents > 0, "a plan drops nothing");
    world.items("projections drop orders 2 --execute", 0).await;
    assert_eq!(world.read_model.footprint(&second).await.unwrap().documents, 0);
    let mut raw = redis::Client::open(world.redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let owed: bool = redis::cmd("EXISTS").arg("{orders}:g1:purges").query_async(&mut raw).await.unwrap();
    assert!(!owed, "nobody works off what orders owe");
}

#[tokio::test]
async fn what_is_far_behind_is_not_compared_and_refuses_the_switch_at_once() {
    let world = World::new().await;
    world.read_model.found(&ORDERS, Shape(1), 5).await.unwrap();
    let begun = world.read_model.begin("orders", Shape(1), None, 6).await.unwrap();
    assert_eq!(begun, Begun::New(Generation(2)));
    world.feed_up_to(6_000, ORDERS, "{}").await;
    for line in ["projections switch orders --execute", "projections switch orders", "rebuild orders --verify"] {
        let line = format!("{line} --timeout 9");
        world.is_refused(&line, "is at 0 in orders.events.v1/9, the live one at 6000: let it catch up").await;
    }
    assert_eq!(world.live().await, Generation(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_that_was_cut_short_needs_attention_until_it_is_repeated() {
    let world = World::beside(applied().await).await;
    world.read_model.found(&ORDERS, Shape(1), 5).await.unwrap();
    world.read_model.begin("orders", Shape(1), None, 6).await.unwrap();
    let second = Target { generation: Generation(2), ..ORDERS };
    world.feed(second, "{}").await;
    assert_eq!(world.left_over().await, Vec::<String>::new());
    assert_eq!(world.read_model.retire(&second).await.unwrap(), Retired::Done);
    let again = "repeat `ops projections drop orders 2 --execute`";
    let said = world.left_over().await;
    assert!(said.len() == 1 && said[0].starts_with("orders g2") && said[0].contains(again), "{said:?}");
    let listed = world.items("projections ls orders", 0).await;
    assert!(listed[1].1 == "look" && listed[1].2.contains(again), "{listed:?}");
    world.items("projections drop orders 2 --execute", 0).await;
    assert_eq!(world.left_over().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_filling_of_another_shape_is_not_joined_because_nobody_of_this_build_goes_on_with_it() {
    let world = World::new().await;
    let shape = Projection::Orders.shape();
    world.read_model.found(&ORDERS, Shape(shape), 5).await.unwrap();
    let begun = world.read_model.begin("orders", Shape(shape + 1), Some(7), 6).await.unwrap();
    assert_eq!(begun, Begun::New(Generation(2)));
    let before = world.read_model.generations(&["orders"]).await.unwrap();
    for line in ["rebuild orders", "rebuild orders --execute"] {
        world.is_refused(line, "`ops projections drop orders 2 --execute`").await;
    }
    assert_eq!(world.read_model.generations(&["orders"]).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filling_that_is_joined_needs_memory_for_what_it_lacks_and_not_for_what_it_has() {
    let world = World::beside(applied().await).await;
    let shape = Shape(Projection::Orders.shape());
    world.read_model.found(&ORDERS, shape, 5).await.unwrap();
    let large = "x".repeat(2 << 20);
    world.feed(ORDERS, &large).await;
    assert_eq!(world.read_model.begin("orders", shape, None, 6).await.unwrap(), Begun::New(Generation(2)));
    let more = async || {
        let items = world.items("rebuild orders", 0).await;
        let (_, _, state) = items.into_iter().find(|(name, _, _)| name == "memory").unwrap();
        let mebibytes: u64 = state.split(' ').nth(1).unwrap().parse().unwrap();
        (mebibytes, state.contains("without what g2 has already"))
    };
    let (before, _) = more().await;
    assert!(before >= 2, "{before} MiB");
    world.feed(Target { generation: Generation(2), ..ORDERS }, &large).await;
    let (after, said) = more().await;
    assert!(after <= 1 && said, "{after} MiB");
}

#[tokio::test]
async fn a_pause_is_planned_begun_listed_and_ended() {
    let world = World::new().await;
    world.read_model.found(&ORDERS, Shape(1), 5).await.unwrap();
    let left = async || world.read_model.pauses(&["orders"]).await.unwrap()[0].as_secs();
    let is = |items: &[(String, String, String)], action: &str, words: &str| {
        let (name, is, state) = &items[0];
        assert!(name == "orders" && is == action && state.contains(words), "{items:?}");
    };
    is(&world.items("projections pause orders", 0).await, "change", "stands still for 30 s");
    assert_eq!(left().await, 0, "a plan changes nothing");
    is(&world.items("projections pause orders --seconds 0", 0).await, "none", "there is no pause");
    is(&world.items("projections pause orders --seconds 60 --execute", 0).await, "change", "stands still for 60 s");
    assert!(left().await > 30);
    is(&world.items("projections ls orders", 0).await, "look", "pauses for");
    is(&world.items("projections pause orders --seconds 0 --execute", 0).await, "change", "goes on");
    assert_eq!(left().await, 0);
}
