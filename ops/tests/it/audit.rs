//! Views are held against the events: what was damaged is found, all of it and nothing else.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use bson::doc;
use event_store::{Commit, EventStore, StoredEvent};
use read_model::generations::Shape;
use read_model::{
    Applied, Batch, Cause, DocumentWrite, Freshness, Generation, Park, Parking, ParkingEntry, Places, ReadModel,
    RedisConfig, Source, Target,
};
use runtime::Process;
use schemas::{
    AnyEvent, Currency, Event as _, EventId, Money, Position, ProductEvent, ProductRegistered, ProductRenamed,
    Recorded, Sku, StreamId, Timestamp, Version,
};
use serde_json::Value;
use stack::servers::Redis;
use stack::testing::{self, eventually};
use tokio::process::Command;
use uuid::Uuid;
use views::{ProductView, Projection, View as _};

use crate::republish::{marked, published, store};
use crate::shown::write_of;
use crate::steward::source_of;

const TARGET: Target = Target { projection: "products", generation: Generation(1) };
/// Streams, each of three events.
const STREAMS: u128 = 60;
/// The list of all of them.
const ALL: &str = "{products}:g1:l:all";
/// How many ways there are to damage a document; the dice have as many sides again, which do nothing.
const WAYS: u128 = 8;

struct World {
    store: EventStore,
    mongodb: String,
    redis: Redis,
    model: ReadModel,
    process: Process,
}

impl World {
    /// As many products, all shown as they are; their events are in a database of this name.
    async fn new(database: &str) -> (Self, Vec<StreamId>) {
        let redis: Redis = testing::own().await;
        let (store, mongodb, process) = store(database).await;
        let model = ReadModel::connect(&RedisConfig { redis_url: redis.url().into() }, &process).unwrap();
        let world = Self { store, mongodb, redis, model, process };
        let mut streams = Vec::new();
        for number in 0..STREAMS {
            let commits = commits(&Sku::parse(&format!("AUDITED-{number}")).unwrap());
            published(&world.store, &commits).await;
            world.show(&commits).await;
            streams.push(commits[0].stream.clone());
        }
        (world, streams)
    }

    /// Shows a stream as a projector would once it applied these commits.
    async fn show(&self, commits: &[Commit]) {
        let stream = &commits[0].stream;
        let events: Vec<_> = commits.iter().flat_map(|commit| commit.recorded().unwrap()).collect();
        let view = events
            .iter()
            .cloned()
            .fold(None, |view, recorded| ProductView::apply(view, &of_product(recorded)).unwrap());
        let last = events.last().unwrap();
        let lists = view.as_ref().map(ProductView::lists).unwrap_or_default();
        let source = source_of(stream);
        self.model.found(&TARGET, Shape(Projection::Products.shape()), 0).await.unwrap();
        let base = self.model.open(&TARGET, &source).await.unwrap();
        let write = DocumentWrite {
            body: view.map(|view| serde_json::to_vec(&view).unwrap()),
            list_add: lists.into_iter().map(|entry| (entry.list, entry.score)).collect(),
            ..write_of(stream, (Version::NONE, last.version), last.id, "")
        };
        let next = Position { next: base.next + 1, last: Some(last.id) };
        let (writes, parking) = (vec![write], Parking::default());
        let batch = Batch { target: TARGET, source, base, next, writes, gaps: Vec::new(), parking };
        assert_eq!(self.model.apply(&batch).await.unwrap(), Applied::Done);
    }

    /// Parks a stream of three versions, as a projector would that cannot apply the fourth.
    async fn park(&self, stream: &StreamId) {
        let source = source_of(stream);
        let base = self.model.open(&TARGET, &source).await.unwrap();
        let entry = ParkingEntry {
            version: Some(Version(4)),
            cause: Cause::Shape,
            reason: "the stored view is not one of this build's".to_owned(),
            event_type: None,
            event_id: None,
            topic: source.topic.to_string(),
            partition: source.partition,
            offset: base.next,
            at: Timestamp::from_micros(1_700_000_000_000_000),
        };
        let parks = vec![Park { stream: stream.clone(), from: Version(3), entry }];
        let (next, parking) = (Position { next: base.next + 1, last: None }, Parking { parks, held: Vec::new() });
        let batch = Batch { target: TARGET, source, base, next, writes: Vec::new(), gaps: Vec::new(), parking };
        assert_eq!(self.model.apply(&batch).await.unwrap(), Applied::Done);
    }

    /// As if the projector of every partition had been at the end of its log after now.
    async fn comes_to_the_end(&self) {
        let at_ms = runtime::clock::now_micros() / 1_000 + 600_000;
        let source = |partition| Source { topic: "products.events.v1".into(), partition };
        let stamps: Vec<_> =
            (0..12).map(|partition| Freshness { target: TARGET, source: source(partition), at_ms }).collect();
        self.model.stamp(&stamps).await.unwrap();
    }

    async fn redis(&self, words: &[&str]) {
        let client = redis::Client::open(self.redis.url()).unwrap();
        let mut raw = client.get_multiplexed_async_connection().await.unwrap();
        let (name, arguments) = words.split_first().unwrap();
        let changed: i64 = redis::cmd(name).arg(arguments).query_async(&mut raw).await.unwrap();
        let _how_much = changed;
    }

    fn command(&self, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
        command.args(["audit", "products", "--output", "json"]).args(options);
        command.env("MONGODB_URI", &self.mongodb).env("REDIS_URL", self.redis.url());
        command.env_remove("VAULT_MONGODB_URI").env_remove("VAULT_MASTER_KEY");
        command
    }

    /// The first item's words, and what is said of each stream that differs.
    async fn audit(&self, options: &[&str], code: i32) -> (String, BTreeMap<String, String>) {
        let output = self.command(options).output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
        let items = answer["items"].as_array().unwrap();
        let found = items[1..].iter().map(|item| (text(item, "name"), text(item, "state")));
        (text(&items[0], "state"), found.collect())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

fn of_product(recorded: Recorded<AnyEvent>) -> Recorded<ProductEvent> {
    let event = ProductEvent::from_any(recorded.event.clone()).unwrap();
    recorded.map(|_| event)
}

/// Three versions of a product, one per commit.
pub(crate) fn commits(sku: &Sku) -> Vec<Commit> {
    so_many_commits(sku, 3)
}

fn so_many_commits(sku: &Sku, versions: u32) -> Vec<Commit> {
    let commit = |version: u32| {
        let price = Money { amount: 250, currency: Currency::parse("EUR").unwrap() };
        let event = match version {
            1 => ProductEvent::Registered(ProductRegistered { sku: sku.clone(), name: "Tea".to_owned(), price }),
            _ => ProductEvent::Renamed(ProductRenamed { name: format!("Tea {version}") }),
        };
        Commit {
            stream: sku.product(),
            first: Version(version),
            id: Uuid::new_v4(),
            at: Timestamp::from_micros(1_700_000_000_000_000 + i64::from(version)),
            owner: None,
            commands: Vec::new(),
            keys: Vec::new(),
            events: vec![StoredEvent::of(&event).unwrap()],
        }
    };
    (1..=versions).map(commit).collect()
}

fn document(stream: &StreamId) -> String {
    format!("{{products}}:g1:d:{stream}")
}

/// Damages one of the documents; says how that is told.
async fn damage(world: &World, stream: &StreamId, how: u128) -> &'static str {
    let key = document(stream);
    match how {
        0 => {
            world.redis(&["DEL", &key]).await;
            "missing: version 3"
        }
        1 => {
            world.redis(&["HSET", &key, "b", "{}"]).await;
            "differs"
        }
        2 => {
            world.redis(&["HSET", &key, "e", &EventId(Uuid::new_v4()).to_string()]).await;
            "differs"
        }
        3 => {
            world.redis(&["HSET", &key, "v", "9"]).await;
            "ahead: shows version 9, MongoDB has 3"
        }
        4 => {
            world.redis(&["ZREM", ALL, stream.as_str()]).await;
            "misplaced: all does not list version 3"
        }
        5 => {
            world.redis(&["ZADD", ALL, "XX", "CH", "7", stream.as_str()]).await;
            "misplaced: all does not list version 3"
        }
        6 => {
            world.redis(&["ZADD", "{products}:g1:l:sold-out", "7", stream.as_str()]).await;
            "astray: listed by sold-out"
        }
        _ => {
            let bytes = world
                .model
                .documents(&TARGET, std::slice::from_ref(stream))
                .await
                .unwrap()
                .remove(0)
                .unwrap()
                .body
                .unwrap();
            let text = String::from_utf8(bytes).unwrap().replacen("Tea 3", "Tea 4", 1);
            world.redis(&["HSET", &key, "b", &text]).await;
            "differs"
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_was_damaged_is_found_and_what_is_on_its_way_is_no_drift() {
    let (world, streams) = World::new("audit").await;
    let (all, found) = world.audit(&[], 0).await;
    assert_eq!(
        (all.as_str(), found.len()),
        ("60 streams compared with MongoDB: 0 differ, 0 are on their way, 0 are parked", 0)
    );

    let news = commits(&Sku::parse("NEWS").unwrap());
    published(&world.store, &news).await;
    let late = commits(&Sku::parse("LATE").unwrap());
    published(&world.store, &late).await;
    world.show(&late[..2]).await;
    let (all, found) = world.audit(&[], 0).await;
    assert!(all.contains("0 differ, 2 are on their way") && found.is_empty(), "{all} {found:?}");
    world.show(&news).await;
    world.redis(&["DEL", &document(&late[0].stream)]).await;
    world.show(&late).await;

    let seed = Uuid::new_v4().as_u128();
    let mut expected = BTreeMap::new();
    for (number, stream) in (0..).zip(&streams) {
        let dice = seed.rotate_left(number * 7) % (2 * WAYS);
        if dice < WAYS {
            expected.insert(stream.to_string(), damage(&world, stream, dice).await);
        }
    }
    let stranger = Sku::parse("NEVER").unwrap().product();
    world.redis(&["HSET", &document(&stranger), "v", "1", "b", "{}"]).await;
    expected.insert(stranger.to_string(), "surplus");
    let listed = Sku::parse("LISTED").unwrap().product();
    world.redis(&["ZADD", ALL, "7", listed.as_str()]).await;
    expected.insert(listed.to_string(), "surplus");
    world.comes_to_the_end().await;
    let (all, found) = world.audit(&[], 1).await;
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "seed {seed}: {all}");
    for (stream, how) in &expected {
        assert!(found[stream].starts_with(how), "seed {seed}, {stream}: {}, not {how}", found[stream]);
    }
    assert!(all.contains(&format!("{} differ, 0 are on their way", expected.len())), "{all}");

    // Some of it shows what MongoDB never had, so MongoDB is not what anything is repaired from.
    let (_all, refused) = world.audit(&["--repair", "--execute"], 2).await;
    assert!(refused[stranger.as_str()].contains("mongodb-restored.md"), "{refused:?}");
    assert_eq!(world.model.repairs(&[TARGET]).await.unwrap(), [Places::new()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_document_of_a_parked_stream_is_found_and_its_repair_lets_the_stream_go() {
    let (world, streams) = World::new("audit_parked").await;
    let [right, damaged] = [&streams[1], &streams[2]];
    for stream in [right, damaged] {
        world.park(stream).await;
    }
    let (all, _) = world.audit(&[], 0).await;
    assert!(all.contains("0 differ, 0 are on their way, 2 are parked"), "what is shown of them is right: {all}");
    world.redis(&["HSET", &document(damaged), "b", "{}"]).await;
    let (all, found) = world.audit(&[], 1).await;
    assert!(all.contains("1 differ, 0 are on their way, 2 are parked"), "{all}");
    assert!(found.keys().eq([damaged.as_str()]) && found[damaged.as_str()].starts_with("differs"), "{found:?}");
    let (_, planned) = world.audit(&["--repair"], 1).await;
    assert!(planned[damaged.as_str()].ends_with("let go and made anew from its events"), "{planned:?}");
    assert_eq!(world.model.parked(&TARGET).await.unwrap().len(), 2, "a plan lets nothing go");

    // Nobody is there who would make it anew, so this one does not come to its end.
    let mut repairing = world.command(&["--repair", "--execute"]);
    let _repairing = repairing.stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    eventually("it is published again from its first version", Duration::from_secs(60), async || {
        (marked(&world.store, damaged).await == [1, 2, 3]).then_some(())
    })
    .await;
    let parked: Vec<_> = world.model.parked(&TARGET).await.unwrap().into_iter().map(|one| one.stream).collect();
    assert!(parked.iter().eq([right]), "{parked:?}");
    assert_eq!(world.model.repairs(&[TARGET]).await.unwrap(), [Places::from([(damaged.clone(), [].into())])]);
}

/// Seen to fail when nobody asks what the walk has passed over.
#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_leaves_out_what_this_build_cannot_read_does_not_say_that_all_is_well() {
    let (world, _streams) = World::new("audit-strange").await;
    let strange = doc! { "_id": { "s": "prd_STRANGE", "v": 1_i64 }, "at": 1_i64 };
    world.store.database().collection("commits").insert_one(strange).await.unwrap();
    let (all, found) = world.audit(&[], 1).await;
    assert!(all.starts_with("60 streams compared with MongoDB: 0 differ"), "{all}");
    assert!(found["what is unknown"].starts_with("1 commits of prd_STRANGE are of a newer build"), "{found:?}");
    assert!(world.audit(&["--only", "prd_AUDITED"], 0).await.1.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_of_some_streams_looks_at_no_others() {
    let (world, streams) = World::new("audit-some").await;
    let stranger = Sku::parse("NEVER").unwrap().product();
    for stream in [&streams[1], &streams[42], &stranger] {
        world.redis(&["HSET", &document(stream), "v", "1", "b", "{}"]).await;
    }
    let (only, beginning) = (streams[42].as_str(), "prd_AUDITED-5");
    let (all, found) = world.audit(&["--only", only], 1).await;
    assert!(all.starts_with("1 streams") && found.keys().eq([only]), "{all} {found:?}");
    let (all, _) = world.audit(&["--only", beginning], 0).await;
    assert!(all.starts_with("11 streams"), "AUDITED-5 and AUDITED-50 to 59: {all}");
    let (all, _) = world.audit(&["--only", stranger.as_str()], 1).await;
    assert!(all.starts_with("0 streams"), "{all}");

    // Each stream's last event is of the third microsecond of its second.
    let second = "2023-11-14T22:13:20";
    let (all, found) = world.audit(&["--since", &format!("{second}.000003Z")], 1).await;
    assert!(all.starts_with("60 streams") && found.len() == 2, "{all} {found:?}");
    let (all, _) = world.audit(&["--since", &format!("{second}.000004Z"), "--only", beginning], 0).await;
    assert!(all.starts_with("0 streams"), "{all}");
    let (why, _) = world.audit(&["--only", "ord_1"], 2).await;
    assert!(why.contains("begin with prd_"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_longer_than_what_is_read_at_once_is_compared_to_its_end() {
    let (world, streams) = World::new("audit_long").await;
    let long = so_many_commits(&Sku::parse("AUDITED-3-LONG").unwrap(), 2_300);
    published(&world.store, &long).await;
    world.show(&long).await;
    world.comes_to_the_end().await;
    let (said, found) = world.audit(&[], 0).await;
    assert_eq!((said.contains(&(STREAMS + 1).to_string()), found), (true, BTreeMap::new()), "{said}");
    world.redis(&["HSET", &document(&long[0].stream), "b", "{}"]).await;
    world.redis(&["HSET", &document(&streams[40]), "b", "{}"]).await;
    let (_, found) = world.audit(&[], 1).await;
    assert_eq!(found.into_keys().collect::<Vec<_>>().len(), 2);
}
