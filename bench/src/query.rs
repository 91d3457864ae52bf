//! B4: one order over HTTP, token checked; beside an axum that sends as many static bytes, and one that reads them from
//! Redis by a bare `HGET`.

use redis::AsyncCommands as _;
use serde_json::Value;
use stack::within;

use crate::case::{Case, Floor, Side};
use crate::http::Connection;
use crate::load::closed;
use crate::measure::{Meter, Round};
use crate::plan::Plan;
use crate::report;
use crate::rival::Rival;
use crate::world::{PATIENCE, World, basket};

/// Clients that ask at a time.
const CLIENTS: usize = 64;
const STATIC: Floor = Floor::AtLeast(0.45);
const HGET: Floor = Floor::AtLeast(0.8);
/// Where the rival finds the answer.
const KEY: &str = "bench:answer";

/// Runs it.
pub(crate) async fn run(world: &World, plan: &Plan) -> Vec<Case> {
    report::say("B4 query");
    let (path, token) = an_order(world).await;
    world.only(&[("query-api", &[])]).await;
    let body = Connection::open(world.url("query-api")).await.get(&path, &token).await.body.to_vec();
    let _: () = world.redis().await.hset(KEY, "b", &body).await.expect("a stored answer");
    let redis = world.system.addresses().redis_url.clone();
    let fixed = Rival::start(&["static", &body.len().to_string()]).await;
    let hget = Rival::start(&["hget", &redis, KEY]).await;
    let mut sides = vec![Side::new("ours"), Side::new("static"), Side::new("HGET")];
    for _ in 0..plan.rounds {
        let asked = [
            (world.url("query-api"), world.pid("query-api")),
            (fixed.url(), ("rival", fixed.pid())),
            (hget.url(), ("rival", hget.pid())),
        ];
        for (side, (url, pid)) in sides.iter_mut().zip(asked) {
            let asked = (url, path.as_str(), token.as_str(), body.len());
            side.rounds.push(ask(plan, asked, &[pid, world.pid("redis"), World::me()]).await);
        }
    }
    let case = Case::new("B4", format!("{CLIENTS} clients, {} bytes", body.len()), "queries", sides);
    vec![case.throughput(1, Some(STATIC)).throughput(2, Some(HGET))]
}

/// The path of an order that can be read, and its owner's token.
pub(crate) async fn an_order(world: &World) -> (String, String) {
    let writes: &[(&str, &str)] = &[("ROLES", "http,relay")];
    world.only(&[("command-api", writes), ("projector", &[]), ("query-api", &[])]).await;
    let user = world.customer().await;
    let mut commands = Connection::open(world.url("command-api")).await;
    let placed = commands.post("/commands/orders", (&user.token, "the-one"), &basket(&user)).await;
    let placed: Value = serde_json::from_slice(placed.body).expect("JSON");
    let path = format!("/queries/orders/{}", placed["orderId"].as_str().expect("an order's id"));
    let mut queries = Connection::open(world.url("query-api")).await;
    let mut asked = 0;
    let readable = async || {
        asked += 1;
        let answer = queries.get(&path, &user.token).await;
        (answer.status == 200).then_some(()).ok_or_else(|| format!("{path} answers {} ({asked})", answer.status))
    };
    within(PATIENCE, readable).await.unwrap_or_else(|missing| panic!("{missing}"));
    (path, user.token)
}

type Asked<'a> = (&'a str, &'a str, &'a str, usize);

async fn ask(plan: &Plan, (url, path, token, length): Asked<'_>, processes: &[(&str, Option<u32>)]) -> Round {
    let mut connections = Connection::several(url, CLIENTS).await;
    let meter = Meter::start(processes);
    let done = closed(&mut connections, plan.window, async |connection, _call| {
        let answer = connection.get(path, token).await;
        assert_eq!((answer.status, answer.body.len()), (200, length), "the same bytes from all");
    });
    let done = done.await;
    meter.stop(done.operations, Some(&done.times))
}
