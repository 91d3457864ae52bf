//! The steward beside real servers: views are written by the test, and marks are what it looks for.

use std::process::Stdio;
use std::time::Duration;

use bson::{Document, doc};
use bus::KafkaConfig;
use bus::admin::Topics;
use event_store::{Commit, EventStore, murmur2};
use read_model::generations::{Begun, Shape};
use read_model::{Applied, Batch, Freshness, Gap, Generation, Parking, ReadModel, RedisConfig, Source, Target};
use runtime::Process;
use schemas::{Aggregate, EventId, Position, Sku, StreamId, Version};
use serde_json::Value;
use sessions::testing::Issuer;
use stack::servers::{Kafka, Redis};
use stack::testing::{self, eventually};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use views::Projection;

use crate::audit;
use crate::republish::{commit, marked, order, published, store};
use crate::shown::write_of;

const PATIENCE: Duration = Duration::from_secs(60);
const ORDERS: Target = Target { projection: "orders", generation: Generation(1) };

/// The Kafka of these tests alone: another test begins without topics.
async fn kafka() -> &'static Kafka {
    static OWN: OnceCell<Kafka> = OnceCell::const_new();
    OWN.get_or_init(testing::own).await
}

/// A steward, and what it looks after.
struct World {
    store: EventStore,
    read_model: ReadModel,
    redis: Redis,
    settings: Vec<(&'static str, String)>,
    process: Process,
}

impl World {
    /// Everything but the steward. The topics are there, and hold nothing.
    async fn new(database: &str) -> Self {
        let (kafka, registry) = (kafka().await, testing::registry().await);
        let redis: Redis = testing::own().await;
        let kafka = KafkaConfig::in_clear(kafka.url(), registry.url());
        Topics::connect(&kafka, 1).unwrap().apply().await.unwrap();
        let (store, uri, process) = store(database).await;
        let at = RedisConfig { redis_url: redis.url().into() };
        let settings = vec![
            ("MONGODB_URI", uri),
            ("REDIS_URL", redis.url().to_owned()),
            ("KAFKA_BROKERS", kafka.kafka_brokers),
            ("SCHEMA_REGISTRY_URL", kafka.schema_registry_url),
            ("ENVIRONMENT", "dev".to_owned()),
            ("STEWARD_REST_SECONDS", "1".to_owned()),
            ("JWKS", Issuer::new().jwks()),
            ("HTTP_ADDR", free_address()),
            ("ADMIN_ADDR", free_address()),
        ];
        let read_model = ReadModel::connect(&at, &process).unwrap();
        Self { store, read_model, redis, settings, process }
    }

    fn steward(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
        command.arg("steward").envs(self.settings.iter().cloned()).stdout(Stdio::null()).stderr(Stdio::null());
        command.kill_on_drop(true).spawn().unwrap()
    }

    fn admin(&self) -> &str {
        &self.settings.last().unwrap().1
    }

    /// Why the steward says that history has diverged; empty if it does not.
    async fn divergence(&self) -> Option<String> {
        let report: Value =
            reqwest::get(format!("http://{}/readyz?verbose", self.admin())).await.ok()?.json().await.ok()?;
        let history = report["dependencies"].as_array()?.iter().find(|entry| entry["name"] == "history")?;
        Some(history["reason"].as_str().unwrap_or_default().to_owned())
    }

    async fn metric(&self, name: &str) -> Option<f64> {
        let text = reqwest::get(format!("http://{}/metrics", self.admin())).await.ok()?.text().await.ok()?;
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    /// Shows a stream as these commits left it, and perhaps a gap behind them.
    async fn show(&self, commits: &[Commit], gap: Option<u32>) {
        self.show_in(target_of(&commits[0].stream), commits, gap).await;
    }

    /// The same in this generation.
    async fn show_in(&self, target: Target, commits: &[Commit], gap: Option<u32>) {
        let last = commits.last().unwrap();
        let source = source_of(&last.stream);
        let shape = Projection::named(target.projection).unwrap().shape();
        self.read_model.found(&target, Shape(shape), 0).await.unwrap();
        let base = self.read_model.open(&target, &source).await.unwrap();
        let event = EventId::of_commit(last.id, last.last().0 - last.first.0);
        let next = Position { next: base.next + 1, last: Some(event) };
        let write = write_of(&last.stream, (Version::NONE, last.last()), event, "{}");
        let gaps = gap.map(|highest| Gap { stream: last.stream.clone(), highest: Version(highest) });
        let batch = Batch {
            target,
            source,
            base,
            next,
            writes: vec![write],
            gaps: gaps.into_iter().collect(),
            parking: Parking::default(),
        };
        assert_eq!(self.read_model.apply(&batch).await.unwrap(), Applied::Done);
    }

    async fn until_marked(&self, stream: &StreamId, expected: &[u32]) {
        let marked = async || (marked(&self.store, stream).await == expected).then_some(());
        eventually("the stream is to be published again", PATIENCE, marked).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

/// Where a stream is shown.
fn target_of(stream: &StreamId) -> Target {
    let projection = if stream.aggregate() == Aggregate::Product { "products" } else { ORDERS.projection };
    Target { projection, ..ORDERS }
}

/// The partition of a stream's events.
pub(crate) fn source_of(stream: &StreamId) -> Source {
    let partition = i32::try_from((murmur2(stream.as_str().as_bytes()) & 0x7fff_ffff) % 12).unwrap();
    Source { topic: stream.aggregate().topic().into(), partition }
}

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Versions 1 to `versions` of an order, one per commit.
fn commits(stream: &StreamId, versions: u32) -> Vec<Commit> {
    (1..=versions).map(|version| commit(stream, version, 1, i64::from(version))).collect()
}

/// Seen to fail when a stream is published again without the versions that were missed first (`steward-heals-too-late`).
#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_healed_from_the_version_that_is_missing_and_a_parked_stream_is_left_alone() {
    let (world, gapped, parked) = (World::new("steward_gaps").await, order(1), order(2));
    for stream in [&gapped, &parked] {
        let commits = commits(stream, 4);
        published(&world.store, &commits).await;
        world.show(&commits[..2], Some(4)).await;
    }
    let client = redis::Client::open(world.redis.url()).unwrap();
    let mut raw = client.get_multiplexed_async_connection().await.unwrap();
    let park = redis::cmd("HSET").arg("{orders}:g1:parked").arg(parked.as_str()).arg("{}").to_owned();
    let () = park.query_async(&mut raw).await.unwrap();

    let mut steward = world.steward();
    world.until_marked(&gapped, &[3, 4]).await;
    assert!(marked(&world.store, &parked).await.is_empty());
    // As if the log had lost it once more.
    let keys: Vec<_> = commits(&gapped, 4).iter().map(Commit::key).collect();
    world.store.outbox().unmark(&keys).await.unwrap();
    world.until_marked(&gapped, &[3, 4]).await;
    // The topic holds nothing of all this, so it is filled behind it: but for what is published again at once.
    let again = world.store.outbox().again();
    eventually("the topic is filled", PATIENCE, async || (again.backlog(100).await.unwrap() >= 6).then_some(())).await;

    let pid = steward.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    let ended = tokio::time::timeout(Duration::from_secs(25), steward.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_the_log_lost_is_published_again_once_the_projector_was_at_the_end_without_it() {
    let (world, stream) = (World::new("steward_tails").await, order(3));
    let commits = commits(&stream, 3);
    published(&world.store, &commits).await;
    world.show(&commits[..1], None).await;
    let _steward = world.steward();
    let suspected = async || world.metric("steward_suspects").await.filter(|count| *count == 1.0).map(drop);
    eventually("it is suspected", PATIENCE, suspected).await;
    assert!(marked(&world.store, &stream).await.is_empty(), "the projector may be about to get there");
    let at_ms = runtime::clock::now_micros() / 1_000 + 60_000;
    world.read_model.stamp(&[Freshness { target: ORDERS, source: source_of(&stream), at_ms }]).await.unwrap();
    world.until_marked(&stream, &[2, 3]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_only_a_generation_beside_the_live_one_lacks_is_published_again() {
    let (world, stream) = (World::new("steward_beside").await, order(10));
    let commits = commits(&stream, 3);
    published(&world.store, &commits).await;
    world.show(&commits, None).await;
    let (shape, beside) = (Shape(Projection::Orders.shape()), Target { generation: Generation(2), ..ORDERS });
    let begun = world.read_model.begin(ORDERS.projection, shape, None, 0).await.unwrap();
    assert_eq!(begun, Begun::New(beside.generation));
    world.show_in(beside, &commits[..1], None).await;
    let at_ms = runtime::clock::now_micros() / 1_000 + 60_000;
    let source = |partition| Source { topic: stream.aggregate().topic().into(), partition };
    let stamps: Vec<_> =
        (0..12).map(|partition| Freshness { target: beside, source: source(partition), at_ms }).collect();
    world.read_model.stamp(&stamps).await.unwrap();
    let _steward = world.steward();
    world.until_marked(&stream, &[2, 3]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn views_that_show_more_than_mongodb_has_raise_the_alarm_and_nothing_is_published_again() {
    let (world, shown, gapped) = (World::new("steward_history").await, order(4), order(5));
    let commits_of_shown = commits(&shown, 3);
    published(&world.store, &commits_of_shown).await;
    world.show(&commits_of_shown, None).await;
    let commits_of_gapped = commits(&gapped, 3);
    published(&world.store, &commits_of_gapped).await;
    world.show(&commits_of_gapped[..1], Some(3)).await;
    // As if MongoDB had been restored to a point before it.
    let stored = world.store.database().collection::<Document>("commits");
    let last = doc! { "_id": { "s": shown.as_str(), "v": 3_i64 } };
    let lost = stored.find_one_and_delete(last).await.unwrap().unwrap();

    let _steward = world.steward();
    let alarm = eventually("the alarm is raised", PATIENCE, async || {
        world.divergence().await.filter(|reason| reason.contains("diverged"))
    })
    .await;
    assert!(alarm.contains(shown.as_str()) && alarm.contains("MongoDB at 2"), "{alarm}");
    eventually("it is told to Prometheus", PATIENCE, async || {
        world.metric("steward_diverged_streams").await.filter(|count| *count == 1.0)
    })
    .await;
    assert!(marked(&world.store, &gapped).await.is_empty());
    stored.insert_one(lost).await.unwrap();
    eventually("the alarm ends", PATIENCE, async || world.divergence().await.filter(String::is_empty)).await;
    world.until_marked(&gapped, &[2, 3]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_steward_counts_what_differs_once_and_what_is_on_its_way_never() {
    let (world, late) = (World::new("steward_drift").await, order(6));
    published(&world.store, &commits(&late, 3)).await;
    let _steward = world.steward();
    // What is shown here is not what events of theirs come to.
    for (number, counted) in [(7, 1.0), (8, 2.0)] {
        let commits = commits(&order(number), 3);
        published(&world.store, &commits).await;
        world.show(&commits, None).await;
        eventually("it is counted", PATIENCE, async || {
            let count = world.metric("projection_drift_total{projection=\"orders\"}").await;
            count.filter(|count| *count == counted)
        })
        .await;
    }
    assert!(marked(&world.store, &order(7)).await.is_empty(), "it repairs nothing by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_whose_events_cannot_be_read_keeps_no_other_from_being_compared() {
    let (world, unreadable) = (World::new("steward_unreadable").await, order(9));
    let mut broken = commits(&unreadable, 1);
    broken[0].events[0].name = "OrderUnheardOf".into();
    let drifted = audit::commits(&Sku::parse("DRIFTED").unwrap());
    for commits in [&broken, &drifted] {
        published(&world.store, commits).await;
        world.show(commits, None).await;
    }
    let _steward = world.steward();
    eventually("it is counted", PATIENCE, async || {
        let count = world.metric("projection_drift_total{projection=\"products\"}").await;
        count.filter(|count| *count == 1.0)
    })
    .await;
}
