//! The users of `deploy/redis-users.acl`: each can do its process's work, and no other's.

use std::time::Duration;

use read_model::feeds::{Appended, Batch, Cursor, Read};
use read_model::generations::Shape;
use read_model::{
    Applied, DocumentWrite, Error, Freshness, Generation, ReadModel, RedisConfig, Sighting, Sink, Target, Trail,
};
use redis::aio::MultiplexedConnection;
use runtime::Process;
use schemas::{Position, Version};
use stack::servers::Redis;
use stack::testing::{self, eventually};

use crate::feeds::{self, NOW};
use crate::views::{source, stream, write};

const USERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/redis-users.acl");
const ORDERS: Target = Target { projection: "orders", generation: Generation(1) };
const SOON: Duration = Duration::from_secs(10);

/// A server with these users, and a way in that the file does not know.
struct Rig {
    server: Redis,
    root: MultiplexedConnection,
    process: Process,
}

impl Rig {
    async fn start() -> Self {
        let server: Redis = testing::own().await;
        let client = redis::Client::open(server.url()).unwrap();
        let mut root = client.get_multiplexed_async_connection().await.unwrap();
        let users = std::fs::read_to_string(USERS).unwrap();
        for line in users.lines().filter(|line| line.starts_with("user ")) {
            let words =
                line.split_whitespace().skip(1).map(|word| if word.starts_with('>') { ">secret" } else { word });
            let set: String =
                redis::cmd("ACL").arg("SETUSER").arg(words.collect::<Vec<_>>()).query_async(&mut root).await.unwrap();
            assert_eq!(set, "OK", "{line}");
        }
        Self { server, root, process: Process::new("rights-test", None) }
    }

    fn url(&self, user: &str) -> String {
        self.server.url().replacen("redis://", &format!("redis://{user}:secret@"), 1)
    }

    fn read_model(&self, user: &str) -> ReadModel {
        ReadModel::connect(&RedisConfig { redis_url: self.url(user).as_str().into() }, &self.process).unwrap()
    }

    /// What was refused since the last call.
    async fn refused(&mut self) -> Vec<String> {
        let log: Vec<redis::Value> = redis::cmd("ACL").arg("LOG").query_async(&mut self.root).await.unwrap();
        let _: String = redis::cmd("ACL").arg("LOG").arg("RESET").query_async(&mut self.root).await.unwrap();
        log.iter().map(|entry| format!("{entry:?}")).collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

/// One order in generation 1 of the orders, written on what is stored.
async fn project(read_model: &ReadModel) -> Result<Applied, Error> {
    let base = read_model.position(&ORDERS, &source(0)).await?;
    let sightings = vec![Sighting { version: Version(1), note: String::new() }];
    let writes = vec![DocumentWrite { sightings, ..write(1, 0, 1) }];
    let next = Position { next: base.next + 1, last: writes.last().map(|write| write.last_event) };
    let (gaps, parking) = (Vec::new(), read_model::Parking::default());
    read_model.apply(&read_model::Batch { target: ORDERS, source: source(0), base, next, writes, gaps, parking }).await
}

async fn feed(read_model: &ReadModel) -> Result<Appended, Error> {
    let source = feeds::source(0);
    let base = read_model.feeds_position(&source).await?;
    let event = feeds::event(1, 1, Some(feeds::user(1)), NOW);
    let next = Position { next: base.next + 1, last: Some(event.id) };
    read_model.append_feeds(&Batch { source, base, next, now: NOW, events: vec![event] }).await
}

/// All that a projector does, also to erase and to end a generation.
async fn work_of_the_projector(read_model: &ReadModel) {
    read_model.found(&ORDERS, Shape(1), 0).await.unwrap();
    read_model.generations(&["orders"]).await.unwrap();
    read_model.pauses(&["orders"]).await.unwrap();
    read_model.open(&ORDERS, &source(0)).await.unwrap();
    read_model.standings(&ORDERS, &[stream(1)]).await.unwrap();
    assert_eq!(project(read_model).await.unwrap(), Applied::Done);
    read_model.stamp(&[Freshness { target: ORDERS, source: source(0), at_ms: 1 }]).await.unwrap();
    read_model.count_parked(&[Sink::Views(ORDERS)]).await.unwrap();
    read_model.parked(Sink::Views(ORDERS)).await.unwrap();
    read_model.purge(&ORDERS).await.unwrap();
    read_model.renew_file().await.unwrap();
    read_model.progress(&ORDERS).await.unwrap();
    let other = Target { generation: Generation(9), ..ORDERS };
    read_model.clear(&other).await.unwrap();
}

/// All that a notifier does: feeding, listening, tickets, and latest states.
async fn work_of_the_notifier(read_model: &ReadModel, process: &Process) {
    let me = feeds::user(1);
    let mut bell = read_model.bells(process).listen(&me);
    let _ = bell.rung().await;
    assert!(matches!(feed(read_model).await.unwrap(), Appended::Done(counts) if counts.appended == 1));
    tokio::time::timeout(SOON, bell.rung()).await.unwrap();
    assert!(
        matches!(read_model.feed_read(&me, Cursor::START, 5).await.unwrap(), Read::Known(entries) if entries.len() == 1)
    );
    read_model.shown_on_screens(&[(stream(1), Version(1), NOW)]).await.unwrap();
    read_model.keep_ticket("ticket", "bearer", SOON).await.unwrap();
    assert_eq!(read_model.take_ticket("ticket").await.unwrap().as_deref(), Some("bearer"));
    read_model.count_parked(&[Sink::Feeds]).await.unwrap();
    assert!(read_model.reader().document("orders", &stream(1)).await.unwrap().is_some());
    let mut changes = read_model.changes(&["orders"]);
    tokio::time::timeout(SOON, changes.next()).await.unwrap();
}

/// All that a query API does: answering, lists, waiting, and where a feed ends.
async fn work_of_the_query_api(rig: &mut Rig, read_model: &ReadModel) {
    let reader = read_model.reader();
    assert!(reader.document("orders", &stream(1)).await.unwrap().is_some());
    assert_eq!(reader.page("orders", &crate::views::pages::page("all", 5)).await.unwrap().0.len(), 1);
    reader.lag_ms("orders").await.unwrap();
    reader.positions("orders").await.unwrap();
    read_model.pauses(&["orders"]).await.unwrap();
    read_model.feed_head(&feeds::user(1)).await.unwrap();
    // A note that was refused shows here, and nowhere else.
    let trails = read_model.trails(&stream(1), &[Trail::Views("orders"), Trail::Feeds, Trail::Screens]).await.unwrap();
    assert_eq!(trails.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
    let _notices = read_model.notices(&rig.process);
    eventually("the query API listens for notices", SOON, async || {
        let clients: String = redis::cmd("CLIENT").arg("LIST").query_async(&mut rig.root.clone()).await.unwrap();
        clients.lines().any(|client| client.contains("user=query-api") && client.contains(" psub=1 ")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_process_has_the_rights_that_its_work_needs_and_no_others() {
    let mut rig = Rig::start().await;
    let [projector, notifier, query_api, operator] =
        ["projector", "notifier", "query-api", "operator"].map(|user| rig.read_model(user));
    work_of_the_projector(&projector).await;
    work_of_the_notifier(&notifier, &rig.process.clone()).await;
    work_of_the_query_api(&mut rig, &query_api).await;
    operator.survey(Sink::Views(ORDERS)).await.unwrap();
    operator.documents_from(0).await.unwrap();
    operator.footprint(&ORDERS).await.unwrap();
    operator.pause("orders", SOON).await.unwrap();
    operator.pause("orders", Duration::ZERO).await.unwrap();
    assert_eq!(rig.refused().await, Vec::<String>::new(), "what belongs to their work");

    for (user, read_model, views, feeds) in [
        ("projector", &projector, true, false),
        ("notifier", &notifier, false, true),
        ("query-api", &query_api, false, false),
    ] {
        assert_eq!(project(read_model).await.is_ok(), views, "{user} and views");
        assert_eq!(feed(read_model).await.is_ok(), feeds, "{user} and feeds");
    }
    assert!(!rig.refused().await.is_empty());
    for user in ["projector", "notifier", "query-api", "operator"] {
        let client = redis::Client::open(rig.url(user)).unwrap();
        let mut raw = client.get_multiplexed_async_connection().await.unwrap();
        for command in
            [&["FLUSHALL"][..], &["CONFIG", "GET", "*"], &["ACL", "LIST"], &["KEYS", "*"], &["SET", "other", "1"]]
        {
            let answer: Result<redis::Value, _> = redis::cmd(command[0]).arg(&command[1..]).query_async(&mut raw).await;
            assert!(
                answer.is_err_and(|error| error.to_string().contains("NOPERM") || error.code() == Some("NOPERM")),
                "{user}: {command:?}"
            );
        }
    }
    let anonymous = redis::Client::open(rig.server.url()).unwrap();
    let asked = async {
        redis::cmd("PING").query_async::<String>(&mut anonymous.get_multiplexed_async_connection().await?).await
    };
    assert!(asked.await.is_err(), "nobody without a name");
}
