//! B1: a command over HTTP, token and validation included, until it is durable; beside one `insert_one` of the same
//! document per command, by the plain driver at the same durability and with as many callers.

use bson::{Document, doc};
use e2e::client::LoggedIn;
use mongodb::{Collection, IndexModel};
use stack::within;
use uuid::Uuid;

use crate::case::{Case, Floor, Side};
use crate::http::{Answer, Connection};
use crate::load::{Call, closed};
use crate::measure::{Meter, Round};
use crate::plan::Plan;
use crate::report;
use crate::world::{PATIENCE, World, basket};

/// Clients, and how many times as fast as `insert_one` we must be.
const LOADS: [(usize, f64); 2] = [(32, 2.0), (128, 3.0)];
const DATABASE: &str = "bench-append";

/// Runs it: the role `http` alone, on a database of its own.
pub(crate) async fn run(world: &World, plan: &Plan) -> Vec<Case> {
    world.only(&[("command-api", &[("ROLES", "http,relay")])]).await;
    let user = world.customer().await;
    let uri = world.mongodb_uri_file(DATABASE);
    world.only(&[("command-api", &[("ROLES", "http"), ("MONGODB_URI_FILE", &uri)])]).await;
    hears_of_the_shop(world, &user).await;
    let mut cases = Vec::new();
    for (clients, floor) in LOADS {
        report::say(&format!("B1 append, {clients} clients"));
        let database = world.database(DATABASE, 256).await;
        let commits = database.collection::<Document>("commits");
        let raw = raw_commits(&database, "raw").await;
        let mut sides = vec![Side::new("ours"), Side::new("insert_one")];
        for _ in 0..plan.rounds {
            let before = orders_in(&commits).await;
            let ours = place(world, plan, clients, &user).await;
            assert_eq!(orders_in(&commits).await - before, ours.operations, "every answered order is stored");
            sides[0].rounds.push(ours);
            let sample = commits.find_one(doc! { "ev.t": "OrderPlaced" }).await.expect("the commits");
            let before = orders_in(&raw).await;
            let theirs = insert(world, plan, clients, (&raw, &sample.expect("a commit"))).await;
            assert_eq!(orders_in(&raw).await - before, theirs.operations, "every insert is stored");
            sides[1].rounds.push(theirs);
        }
        let case = Case::new("B1", format!("{clients} clients"), "orders", sides);
        cases.push(case.throughput(1, Some(Floor::AtLeast(floor))));
    }
    world.database(DATABASE, 1).await.drop().await.expect("the database is gone");
    cases
}

/// Waits until an order is accepted: in a database without products prices are only heard of, from Kafka.
async fn hears_of_the_shop(world: &World, user: &LoggedIn) {
    let (mut connection, body) = (Connection::open(world.url("command-api")).await, basket(user));
    let accepted = async || match connection.post("/commands/orders", (&user.token, "the-first"), &body).await {
        Answer { status: 201, .. } => Ok(()),
        Answer { status, .. } => Err(format!("the first order is answered {status}")),
    };
    within(PATIENCE, accepted).await.unwrap_or_else(|missing| panic!("{missing}"));
}

async fn place(world: &World, plan: &Plan, clients: usize, user: &LoggedIn) -> Round {
    let mut connections = Connection::several(world.url("command-api"), clients).await;
    let (run, body) = (Uuid::now_v7().simple().to_string(), basket(user));
    let meter = Meter::start(&[world.pid("command-api"), world.pid("mongodb"), World::me()]);
    let done = closed(&mut connections, plan.window, async |connection, Call { number, .. }| {
        let answer = connection.post("/commands/orders", (&user.token, &format!("{run}-{number}")), &body).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(answer.body));
    });
    let done = done.await;
    meter.stop(done.operations, Some(&done.times))
}

async fn insert(
    world: &World,
    plan: &Plan,
    clients: usize,
    (raw, sample): (&Collection<Document>, &Document),
) -> Round {
    let run = Uuid::now_v7().simple().to_string();
    let meter = Meter::start(&[World::me(), world.pid("mongodb")]);
    let mut callers = vec![(); clients];
    let done = closed(&mut callers, plan.window, async |(), Call { number, .. }| {
        let mut document = sample.clone();
        // As long as an order's id.
        let stream = format!("ord_{}{number:06}", run.get(6..).unwrap_or_default());
        let _ = document.insert("_id", doc! { "s": stream, "v": 1_i64 });
        let _ = raw.insert_one(document).await.expect("an insert");
    });
    let done = done.await;
    meter.stop(done.operations, Some(&done.times))
}

async fn orders_in(commits: &Collection<Document>) -> u64 {
    commits.count_documents(doc! { "ev.t": "OrderPlaced" }).await.expect("a count")
}

/// A collection that is empty, with the indexes that commits have.
pub(crate) async fn raw_commits(database: &mongodb::Database, name: &str) -> Collection<Document> {
    let raw = database.collection::<Document>(name);
    raw.drop().await.expect("the old one is gone");
    let exists = |field: &str| doc! { field: { "$exists": true } };
    let index = |keys: Document, field: &str| {
        let options = mongodb::options::IndexOptions::builder().partial_filter_expression(exists(field)).build();
        IndexModel::builder().keys(keys).options(options).build()
    };
    let indexes = [index(doc! { "o": 1, "at": 1 }, "o"), index(doc! { "ks": 1 }, "ks")];
    let _ = raw.create_indexes(indexes).await.expect("indexes");
    raw
}
