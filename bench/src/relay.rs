//! B2: from the outbox to Kafka, marks removed, until a backlog is gone; beside the same reads and the same removals by
//! the plain driver, which publishes nothing.

use bson::{Document, doc};
use event_store::{EventStore, Lanes};
use futures::future::{join, try_join_all};
use futures::stream::{self, StreamExt as _};
use mongodb::Collection;
use mongodb::options::Hint;
use relay::{Limits, Rounds};
use tokio_util::sync::CancellationToken;

use crate::append::raw_commits;
use crate::case::{Case, Floor, Side};
use crate::measure::{Meter, Round};
use crate::plan::Plan;
use crate::world::World;
use crate::{orders, report};

const FLOOR: Floor = Floor::AtLeast(0.8);
const DATABASE: &str = "bench-relay";
/// Appends at a time, to fill the outbox.
const APPENDS: usize = 512;
/// Documents of one removal, as our store sends them.
const CHUNK: usize = 256;

/// Runs it: our rounds and theirs from this process, each on a backlog of its own.
pub(crate) async fn run(world: &World, plan: &Plan) -> Vec<Case> {
    report::say(&format!("B2 relay, {} commits", plan.backlog));
    world.only(&[]).await;
    let (store, producer) = (world.store(DATABASE).await, world.producer().await);
    let database = world.database(DATABASE, 16).await;
    let commits = database.collection::<Document>("commits");
    let mut sides = vec![Side::new("ours"), Side::new("read + unmark")];
    for _ in 0..plan.rounds {
        fill(&store, plan.backlog).await;
        let raw = raw_commits(&database, "raw").await;
        copy(&commits, &raw).await;
        sides[0].rounds.push(drain(world, (&store, &producer), plan.backlog).await);
        assert_eq!(marked(&commits).await, 0, "every mark is gone");
        sides[1].rounds.push(drain_raw(world, &raw, plan.backlog).await);
        assert_eq!(marked(&raw).await, 0, "every mark is gone");
        let _ = commits.delete_many(doc! {}).await.expect("an empty store");
    }
    database.drop().await.expect("the database is gone");
    let case = Case::new("B2", format!("backlog of {} commits", plan.backlog), "events", sides);
    vec![case.throughput(1, Some(FLOOR))]
}

/// Appends so many commits of new orders.
pub(crate) async fn fill(store: &EventStore, commits: u32) {
    let appended = stream::iter(0..commits).map(async |_| store.append(&orders::commit()).await.expect("an append"));
    let _outcomes = appended.buffer_unordered(APPENDS).count().await;
}

async fn copy(from: &Collection<Document>, to: &Collection<Document>) {
    let marked = from.find(doc! { "o": { "$exists": true } }).await.expect("the marked commits");
    let mut pages = marked.map(|commit| commit.expect("a commit")).chunks(1_000);
    while let Some(page) = pages.next().await {
        let _ = to.insert_many(page).await.expect("a copy");
    }
}

async fn marked(commits: &Collection<Document>) -> u64 {
    commits.count_documents(doc! { "o": { "$exists": true } }).await.expect("a count")
}

pub(crate) async fn drain(world: &World, (store, log): (&EventStore, &bus::Producer), commits: u32) -> Round {
    let (mut rounds, stop) = (Rounds::new(store.outbox(), Limits::default()), CancellationToken::new());
    let meter = Meter::start(&[World::me(), world.pid("mongodb"), world.pid("kafka")]);
    let mut published = 0;
    while published < u64::from(commits) {
        let report = rounds.next(log, Lanes::ALL, &stop).await;
        assert!(report.failure.is_none(), "{:?}", report.failure);
        published += report.published;
    }
    let _last = rounds.settle().await.expect("the last marks are removed");
    meter.stop(published, None)
}

async fn drain_raw(world: &World, raw: &Collection<Document>, commits: u32) -> Round {
    let limits = Limits::default();
    let meter = Meter::start(&[World::me(), world.pid("mongodb")]);
    let (mut unmarked, mut last) = (0, Vec::new());
    while unmarked < commits {
        let mut session = raw.client().start_session().snapshot(true).await.expect("a snapshot");
        let lanes: Vec<i32> = Lanes::ALL.iter().map(i32::from).collect();
        let found = raw.find(doc! { "o": { "$in": lanes } }).sort(doc! { "at": 1 }).limit(limits.commits.into());
        let found = found.hint(Hint::Keys(doc! { "o": 1, "at": 1 })).batch_size(512).session(&mut session);
        let mut cursor = found.await.expect("a cursor");
        loop {
            let read = async {
                let mut page = Vec::with_capacity(limits.page);
                while page.len() < limits.page && cursor.advance(&mut session).await.expect("the next commit") {
                    page.push(key(cursor.current()));
                }
                page
            };
            let ((), page) = join(unmark(raw, &last), read).await;
            unmarked += u32::try_from(last.len()).expect("a small page");
            last = page;
            if last.is_empty() {
                break;
            }
        }
    }
    meter.stop(commits.into(), None)
}

/// The commit's `_id`. Nothing else of it is looked at.
fn key(commit: &bson::RawDocument) -> Document {
    let key = commit.get_document("_id").expect("an id");
    Document::try_from(key).expect("a readable id")
}

async fn unmark(raw: &Collection<Document>, keys: &[Document]) {
    let removals = keys
        .chunks(CHUNK)
        .map(async |chunk| raw.update_many(doc! { "_id": { "$in": chunk } }, doc! { "$unset": { "o": "" } }).await);
    let _removed = try_join_all(removals).await.expect("marks are removed");
}
