//! Parked streams are listed, shown and let go, by `--execute` only.

use std::process::Output;

use event_store::{CommandRecord, Commit, EventStore, Lanes, StoredEvent};
use read_model::generations::Shape;
use read_model::{
    Applied, Batch, Cause, DocumentWrite, Gap, Generation, Park, Parking, ParkingEntry, ReadModel, RedisConfig, Sink,
    Source, Target,
};
use runtime::Process;
use schemas::{EventId, Position, Sku, StockEvent, StockReceived, StreamId, Timestamp, Version};
use serde_json::Value;
use stack::servers::Redis;
use stack::testing;
use tokio::process::Command;
use uuid::Uuid;
use views::Projection;

use crate::shown::write_of;

const TARGET: Target = Target { projection: "stock", generation: Generation(1) };

/// A stock with three events, all of which the log had.
struct World {
    redis: Redis,
    mongodb: String,
    process: Process,
    model: ReadModel,
    store: EventStore,
    stream: StreamId,
}

impl World {
    /// Nothing of it is shown, because its first event is poison.
    async fn new(database: &str) -> Self {
        let (world, commits) = Self::unread(database).await;
        world.park(Version::NONE, EventId::of_commit(commits[0].id, 0)).await;
        world
    }

    /// The projector has read nothing of it.
    async fn unread(database: &str) -> (Self, [Commit; 3]) {
        let (redis, mongodb): (Redis, _) = (testing::own().await, testing::mongo().await.database(database));
        let process = Process::new("ops-test", None);
        let model = ReadModel::connect(&RedisConfig { redis_url: redis.url().into() }, &process).unwrap();
        let store = EventStore::connect(event_store::Config::new(&mongodb), &process).await.unwrap();
        store.wait_until_up().await;
        let sku = Sku::parse("LAMP").unwrap();
        let world = Self { redis, mongodb, process, model, store, stream: sku.stock() };
        let commits = [1, 2, 3].map(|first| received(&sku, first));
        for commit in &commits {
            world.publish(commit).await;
        }
        (world, commits)
    }

    async fn publish(&self, commit: &Commit) {
        self.store.append(commit).await.unwrap();
        self.store.outbox().unmark(&[commit.key()]).await.unwrap();
    }

    /// The projector shows it up to this version, and cannot decode the next one, which has this id.
    async fn park(&self, from: Version, event: EventId) {
        let source = Source { topic: "stock.events.v1".into(), partition: 3 };
        let entry = ParkingEntry {
            version: Some(from.next()),
            cause: Cause::Undecodable,
            reason: "its value is not framed".to_owned(),
            event_type: None,
            event_id: Some(event),
            topic: source.topic.to_string(),
            partition: source.partition,
            offset: 77,
            at: Timestamp::from_micros(1_700_000_000_000_000),
        };
        let park = Park { stream: self.stream.clone(), from, entry };
        self.apply(source, Vec::new(), Parking { parks: vec![park], held: Vec::new() }).await;
    }

    /// The projector shows everything up to this commit.
    async fn show(&self, last: &Commit) {
        let write = write_of(&self.stream, (Version::NONE, last.last()), EventId::of_commit(last.id, 0), "{}");
        let source = Source { topic: "stock.events.v1".into(), partition: 3 };
        self.apply(source, vec![write], Parking::default()).await;
    }

    async fn apply(&self, source: Source, writes: Vec<DocumentWrite>, parking: Parking) {
        self.model.found(&TARGET, Shape(Projection::Stock.shape()), 0).await.unwrap();
        let base = self.model.open(&TARGET, &source).await.unwrap();
        let next = Position { next: base.next + 1, last: None };
        let batch = Batch { target: TARGET, source, base, next, writes, gaps: Vec::new(), parking };
        assert_eq!(self.model.apply(&batch).await.unwrap(), Applied::Done);
    }

    async fn ops(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
        command.arg("parked").args(words).env("REDIS_URL", self.redis.url()).env("MONGODB_URI", &self.mongodb);
        command.output().await.unwrap()
    }

    /// The items of the answer, which must have ended with this code: name, action and state of each.
    async fn items(&self, words: &[&str], code: i32) -> Vec<(String, String, String)> {
        let output = self.ops(&[words, &["--output", "json"]].concat()).await;
        assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
        let items = answer["items"].as_array().unwrap().iter();
        items.map(|item| (text(item, "name"), text(item, "action"), text(item, "state"))).collect()
    }

    /// The one item of the answer.
    async fn item(&self, words: &[&str], code: i32) -> (String, String, String) {
        let mut items = self.items(words, code).await;
        assert_eq!(items.len(), 1, "{items:?}");
        items.remove(0)
    }

    /// The versions that are to be published again.
    async fn marked(&self) -> Vec<u32> {
        let snapshot = self.store.outbox().snapshot(Lanes::ALL, 10).await.unwrap();
        let commits = { snapshot }.page(10).await.unwrap();
        let mut versions: Vec<_> = commits.iter().map(|marked| marked.id.first.0).collect();
        versions.sort_unstable();
        versions
    }

    async fn gaps(&self) -> Vec<Gap> {
        self.model.gaps(Sink::from(&TARGET)).await.unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

fn received(sku: &Sku, version: u32) -> Commit {
    let event = StockEvent::Received(StockReceived { sku: sku.clone(), quantity: 1, reason: None });
    Commit {
        stream: sku.stock(),
        first: Version(version),
        id: Uuid::new_v4(),
        at: Timestamp::from_micros(i64::from(version)),
        owner: None,
        commands: vec![CommandRecord { events: 1, ..CommandRecord::default() }],
        keys: Vec::new(),
        events: vec![StoredEvent::of(&event).unwrap()],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_publishes_again_what_the_stream_lacks_and_a_plan_does_nothing() {
    let world = World::new("ops_redrive").await;
    let listed = world.item(&["ls"], 0).await;
    assert_eq!((listed.0.as_str(), listed.1.as_str()), ("stock stk_LAMP", "look"));
    assert!(
        listed.2.contains("version 1, stock.events.v1/3 offset 77") && listed.2.contains("not framed"),
        "{listed:?}"
    );
    assert_eq!(world.item(&["ls", "--projection", "stock"], 0).await, listed);
    assert_eq!(world.items(&["ls", "--projection", "feeds"], 0).await, []);
    let shown = world.items(&["show", "stk_LAMP", "--projection", "stock"], 0).await;
    assert!(shown.iter().any(|(name, _, state)| name == "cause" && state == "undecodable"), "{shown:?}");

    let redrive = ["redrive", "stk_LAMP", "--projection", "stock"];
    let planned = world.item(&redrive, 0).await;
    assert!(planned.1 == "change" && planned.2.contains("versions 1 to 3 are published again"), "{planned:?}");
    let text = world.ops(&redrive).await;
    assert!(String::from_utf8_lossy(&text.stdout).contains("add --execute"), "{text:?}");
    assert_eq!((world.item(&["ls"], 0).await, world.marked().await), (listed, Vec::new()), "a plan does nothing");

    assert_eq!(world.item(&["redrive", "--all", "--projection", "stock", "--execute"], 0).await, planned);
    assert_eq!(world.items(&["ls"], 0).await, []);
    assert_eq!(world.marked().await, [1, 2, 3]);
    assert_eq!(world.gaps().await, [Gap { stream: world.stream.clone(), highest: Version(3) }]);
    let again = world.item(&redrive, 2).await;
    assert_eq!((again.1.as_str(), again.2.as_str()), ("refuse", "is not parked in stock"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discard_passes_over_one_version_for_a_reason_that_is_kept() {
    let world = World::new("ops_discard").await;
    let discard = ["discard", "stk_LAMP", "--projection", "stock", "--because", "nobody can read it"];
    let planned = world.item(&discard, 0).await;
    assert!(planned.2.starts_with("version 1 is passed over, versions 2 to 3 are published again"), "{planned:?}");
    assert_eq!(world.item(&[&discard[..], &["--execute"]].concat(), 0).await, planned);
    assert_eq!(world.marked().await, [2, 3]);
    assert_eq!(world.model.version(&TARGET, &world.stream).await.unwrap(), Version(1));
    let listed = world.item(&["ls"], 0).await;
    assert!(listed.1 == "none" && listed.2.contains("nobody can read it"), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discard_of_what_the_store_does_not_have_passes_over_no_version() {
    let (world, commits) = World::unread("ops_discard_stranger").await;
    let stranger = EventId(Uuid::new_v4());
    world.show(&commits[2]).await;
    let discard = ["discard", "stk_LAMP", "--projection", "stock", "--because", "a stranger wrote it", "--execute"];
    // The store has no such version yet, and then it has another event as that version.
    for (head, said, marked) in
        [(3, "the store has nothing newer to publish", vec![]), (4, "versions 4 to 4 are published again", vec![4])]
    {
        if head == 4 {
            world.publish(&received(&Sku::parse("LAMP").unwrap(), 4)).await;
        }
        world.park(Version(3), stranger).await;
        let done = world.item(&discard, 0).await;
        let expected = format!("it is no event of the store's, so only the record is passed over, {said}");
        assert!(done.2.starts_with(&expected), "{done:?}");
        assert_eq!(world.model.version(&TARGET, &world.stream).await.unwrap(), Version(3));
        assert_eq!(world.marked().await, marked);
    }
    assert_eq!(world.gaps().await, [Gap { stream: world.stream.clone(), highest: Version(4) }]);
    let listed = world.item(&["ls"], 0).await;
    assert!(listed.1 == "none" && listed.2.contains("a stranger wrote it"), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_is_not_there_is_wrong_usage() {
    let world = World::new("ops_parked_usage").await;
    let output = world.ops(&["show", "stk_LAMP", "--projection", "stocks"]).await;
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("orders, history"), "{output:?}");
}
