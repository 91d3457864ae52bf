//! Redis is away, hangs, or comes later: requests fail quickly, health says so, and nobody has to restart us.

use std::time::Duration;

use read_model::{Error, ReadModel, RedisConfig};
use runtime::{Process, clock};
use stack::servers::Redis;
use stack::testing::{self, eventually};

use super::{Rig, source, stream, write};

const PATIENCE: Duration = Duration::from_secs(20);

async fn ready(rig: &Rig, expected: bool) {
    let what = if expected { "ready" } else { "not ready" };
    eventually(what, PATIENCE, async || (rig.process.health.is_ready() == expected).then_some(())).await;
}

#[tokio::test]
async fn without_redis_requests_fail_at_once_and_recover_by_themselves() {
    let server: Redis = testing::own().await;
    let rig = Rig::on(&server, "orders");
    rig.write(vec![write(1, 0, 1)]).await;
    ready(&rig, true).await;
    let reader = rig.read_model.reader();

    server.kill().await;
    ready(&rig, false).await;
    let began = clock::monotonic();
    for _ in 0..10 {
        let refused = reader.document("orders", &stream(1)).await.unwrap_err();
        assert!(matches!(refused, Error::Unavailable { .. }), "{refused:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());

    server.restart().await.unwrap();
    ready(&rig, true).await;
    assert!(reader.document("orders", &stream(1)).await.unwrap().is_some());
    rig.write(vec![write(1, 1, 2)]).await;
}

#[tokio::test]
async fn a_redis_that_hangs_counts_as_away() {
    let server: Redis = testing::own().await;
    let rig = Rig::on(&server, "orders");
    rig.write(vec![write(1, 0, 1)]).await;
    server.pause();
    let hung = rig.read_model.position(&rig.target, &source(0)).await;
    assert!(matches!(hung, Err(Error::Unavailable { .. })), "{hung:?}");
    ready(&rig, false).await;
    server.resume();
    ready(&rig, true).await;
    rig.write(vec![write(1, 1, 2)]).await;
}

#[tokio::test]
async fn a_redis_that_starts_later_than_we_is_found() {
    let server: Redis = testing::own().await;
    server.kill().await;
    let rig = Rig::on(&server, "orders");
    assert!(rig.read_model.open(&rig.target, &source(0)).await.is_err());
    server.restart().await.unwrap();
    ready(&rig, true).await;
    rig.write(vec![write(1, 0, 1)]).await;
}

#[tokio::test]
async fn every_new_connection_is_told_to_those_who_remember_positions() {
    let server: Redis = testing::own().await;
    let rig = Rig::on(&server, "orders");
    let mut reconnections = rig.read_model.reconnections();
    tokio::time::timeout(PATIENCE, reconnections.changed()).await.unwrap().unwrap();
    server.restart().await.unwrap();
    tokio::time::timeout(PATIENCE, reconnections.changed()).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_address_that_cannot_be_one_is_refused_at_the_start() {
    let process = Process::new("views-test", None);
    let refused = ReadModel::connect(&RedisConfig { redis_url: "mongodb://somewhere".into() }, &process);
    assert!(matches!(refused, Err(Error::Url { .. })));
}
