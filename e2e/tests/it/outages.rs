//! A server that is down: 503 with Retry-After, readiness red with the reason, recovery without a restart.

use std::time::Duration;

use e2e::client::{Request, order_of};
use serde_json::Value;
use stack::eventually;

use crate::world::{SETTLED, World};

/// Readiness as an admin port tells it: whether, and the reason of this dependency.
pub(crate) async fn readiness(world: &World, process: &str, dependency: &str) -> Option<(bool, Option<String>)> {
    let url = format!("{}/readyz?verbose", world.system.admin_url(process).expect("an admin port"));
    let report: Value = reqwest::get(url).await.ok()?.json().await.ok()?;
    let ready = report.get("ready")?.as_bool()?;
    let found = report
        .get("dependencies")?
        .as_array()?
        .iter()
        .find(|entry| entry.get("name").and_then(Value::as_str) == Some(dependency))?;
    Some((ready, found.get("reason").and_then(Value::as_str).map(str::to_owned)))
}

/// What a server's outage stops, and what goes on without it.
struct Outage {
    server: &'static str,
    /// A process that says so, and what it calls the server.
    process: &'static str,
    dependency: &'static str,
    stops: Option<&'static str>,
    goes_on: &'static [&'static str],
}

async fn goes_red_and_recovers(outage: Outage) {
    let Outage { server, process, dependency, stops, goes_on } = outage;
    let world = World::enter().await;
    let sku = World::name("OUTAGE");
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let user = world.gateway.user(&World::name("outage")).await;
    let ask = async |path: &str| match path {
        "/commands/orders" => world.gateway.post(path, Request::by(&user).json(order_of(&user, &sku, 1))).await,
        _ => world.gateway.get(path, Request::by(&user)).await,
    };
    let shown = async || (ask("/api/v1/users/profile").await.status.as_u16() == 200).then_some(());
    eventually("the views show the user", SETTLED, shown).await;
    world.system.kill(server).await.expect("a killed server");
    if let Some(path) = stops {
        let answer = eventually("the answer is 503", SETTLED, async || {
            let answer = ask(path).await;
            (answer.status.as_u16() == 503).then_some(answer)
        })
        .await;
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert_eq!(answer.body.get("retryable"), Some(&Value::Bool(true)), "{answer:?}");
    }
    let reason = eventually("readiness is red", SETTLED, async || {
        readiness(&world, process, dependency).await.filter(|(ready, _)| !ready).and_then(|(_, reason)| reason)
    })
    .await;
    assert!(!reason.is_empty());
    for path in goes_on {
        let answer = ask(path).await;
        assert!(answer.status.is_success(), "{path} needs no {server}: {answer:?}");
    }
    world.system.start(server).await.expect("the server again");
    eventually("readiness is green", SETTLED, async || {
        readiness(&world, process, dependency).await.filter(|(ready, _)| *ready).map(drop)
    })
    .await;
    eventually("the answer is good again", Duration::from_secs(60), async || match stops {
        Some(path) => ask(path).await.status.is_success().then_some(()),
        None => Some(()),
    })
    .await;
    // What was accepted meanwhile reaches the views and the feeds, too.
    let _ = world.settle().await;
}

/// Row 1.8 of the compatible surface: what is read is read from Redis alone.
#[tokio::test(flavor = "multi_thread")]
async fn commands_answer_503_while_mongodb_is_down_and_recover_without_a_restart() {
    goes_red_and_recovers(Outage {
        server: "mongodb",
        process: "command-api",
        dependency: "mongodb",
        stops: Some("/commands/orders"),
        goes_on: &["/queries/orders", "/queries/products", "/api/v1/users/profile"],
    })
    .await;
}

/// Row 1.15 of the compatible surface: what is read is never old because of an outage, and what is ordered needs no Redis.
#[tokio::test(flavor = "multi_thread")]
async fn queries_answer_503_while_redis_is_down_and_recover_without_a_restart() {
    goes_red_and_recovers(Outage {
        server: "redis",
        process: "query-api",
        dependency: "redis",
        stops: Some("/queries/orders"),
        goes_on: &["/commands/orders"],
    })
    .await;
}

/// What is ordered waits in MongoDB, and what is read is what was shown last.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_refused_while_kafka_is_down_and_everything_follows_when_it_is_back() {
    goes_red_and_recovers(Outage {
        server: "kafka",
        process: "projector",
        dependency: "kafka",
        stops: None,
        goes_on: &["/commands/orders", "/queries/orders", "/api/v1/users/profile"],
    })
    .await;
}

/// Whoever has looked the schemas up goes on without it.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_refused_while_the_registry_is_down() {
    goes_red_and_recovers(Outage {
        server: "registry",
        process: "projector",
        dependency: "schema-registry",
        stops: None,
        goes_on: &["/commands/orders", "/queries/orders", "/api/v1/users/profile"],
    })
    .await;
}
