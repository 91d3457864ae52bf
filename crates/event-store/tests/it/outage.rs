//! Outages: nothing acknowledged is lost, nothing hangs, and everything recovers by itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_store::{Appended, Commit, Config, Error, EventStore};
use futures::future::join_all;
use runtime::Process;
use schemas::{StreamId, Version};
use stack::servers::Mongo;
use stack::testing::{self, eventually};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::given::{self, PATIENCE, commit, firsts, stream};

const SHORT: Duration = Duration::from_secs(2);

/// What was acknowledged: stream and version of each commit, and its id.
type Acknowledged = Arc<Mutex<BTreeMap<(StreamId, u32), Uuid>>>;

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_commit_survives_a_killed_server_and_every_unanswered_one_is_settled_by_a_retry() {
    let mongo: Mongo = testing::own().await;
    let (store, _process) = given::store_at(Config { deadline: SHORT, ..Config::new(mongo.url()) }).await;
    let (acknowledged, stop) = (Acknowledged::default(), CancellationToken::new());
    let appenders: Vec<_> = (0..32)
        .map(|_| {
            let appender = append_until(stop.clone(), store.clone(), stream(), Arc::clone(&acknowledged));
            runtime::tasks::spawn("appender", appender)
        })
        .collect();
    let count = || acknowledged.lock().unwrap().len();
    for _ in 0..2 {
        let before = count();
        eventually("commits are acknowledged", PATIENCE, async || (count() > before + 300).then_some(())).await;
        mongo.kill().await;
        mongo.restart().await.unwrap();
    }
    let before = count();
    eventually("commits are acknowledged again", PATIENCE, async || (count() > before + 300).then_some(())).await;
    stop.cancel();
    for appender in join_all(appenders).await {
        appender.expect("no retry met a conflict");
    }
    let acknowledged = acknowledged.lock().unwrap().clone();
    let streams: std::collections::BTreeSet<_> = acknowledged.keys().map(|(stream, _)| stream.clone()).collect();
    let mut stored = BTreeMap::new();
    for stream in streams {
        let commits = store.tail(&stream, Version::FIRST).await.unwrap();
        assert!((1..).zip(firsts(&commits)).all(|(expected, version)| expected == version), "no gap in {stream}");
        stored.extend(commits.into_iter().map(|commit| ((commit.stream, commit.first.0), commit.id)));
    }
    assert_eq!(stored, acknowledged);
}

/// Appends version after version; an unknown outcome is settled by sending the same commit again.
async fn append_until(stop: CancellationToken, store: EventStore, stream: StreamId, acknowledged: Acknowledged) {
    let mut next: Option<Commit> = None;
    let mut version = 1;
    while next.is_some() || !stop.is_cancelled() {
        let commit = next.take().unwrap_or_else(|| commit(&stream, version, 1));
        match store.append(&commit).await {
            Ok(Appended::Written) => {
                acknowledged.lock().unwrap().insert((stream.clone(), version), commit.id);
                version += 1;
            }
            Ok(Appended::Conflict) => panic!("{stream} has one writer only, but {version} is taken"),
            Err(Error::Unavailable { .. } | Error::Busy) => {
                next = Some(commit);
                tokio::time::timeout(PATIENCE, store.wait_until_up()).await.expect("MongoDB comes back");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_away_callers_are_told_at_once_and_when_it_is_back_all_goes_on() {
    let mongo: Mongo = testing::own().await;
    let (store, process) = given::store_at(Config { deadline: SHORT, ..Config::new(mongo.url()) }).await;
    let stream = stream();
    store.append(&commit(&stream, 1, 1)).await.unwrap();
    mongo.kill().await;
    eventually("health shows the outage", PATIENCE, async || (!process.health.is_ready()).then_some(())).await;
    let started = runtime::clock::monotonic();
    for _ in 0..100 {
        let refused = store.append(&commit(&stream, 2, 1)).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
        assert!(store.tail(&stream, Version::FIRST).await.is_err());
    }
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    mongo.restart().await.unwrap();
    eventually("health shows the recovery", PATIENCE, async || process.health.is_ready().then_some(())).await;
    assert_eq!(store.append(&commit(&stream, 2, 1)).await.unwrap(), Appended::Written);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_makes_neither_the_callers_wait_long_nor_the_queue_grow_without_end() {
    let mongo: Mongo = testing::own().await;
    let config = Config { deadline: SHORT, queue_bytes: 64 * 4 * 1024, ..Config::new(mongo.url()) };
    let (store, process) = given::store_at(config).await;
    let commits: Vec<_> = (0..200).map(|_| commit(&stream(), 1, 1)).collect();
    mongo.pause();
    let started = runtime::clock::monotonic();
    let answers = join_all(commits.iter().map(|commit| store.append(commit))).await;
    assert!(started.elapsed() < SHORT * 2, "{:?}", started.elapsed());
    let busy = answers.iter().filter(|answer| matches!(answer, Err(Error::Busy))).count();
    let unknown = answers.iter().filter(|answer| matches!(answer, Err(Error::Unavailable { .. }))).count();
    assert_eq!((busy, unknown), (200 - 64, 64));
    mongo.resume();
    eventually("health shows the recovery", PATIENCE, async || process.health.is_ready().then_some(())).await;
    for commit in &commits {
        let again = async || store.append(commit).await.ok();
        assert_eq!(eventually("it is settled", PATIENCE, again).await, Appended::Written);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_before_its_server_becomes_ready_when_the_server_comes() {
    let mongo: Mongo = testing::own().await;
    mongo.kill().await;
    let process = Process::new("test", None);
    let store = EventStore::connect(Config::new(mongo.url()), &process).await.unwrap();
    let refused = store.append(&commit(&stream(), 1, 1)).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    assert!(!process.health.is_ready());
    mongo.restart().await.unwrap();
    eventually("it is ready", PATIENCE, async || process.health.is_ready().then_some(())).await;
    assert_eq!(store.append(&commit(&stream(), 1, 1)).await.unwrap(), Appended::Written);
    drop(store);
    process.shutdown.request();
    assert!(process.tasks.finish(PATIENCE).await, "every task ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_string_that_cannot_be_one_is_refused_at_start() {
    let refused = EventStore::connect(Config::new("redis://localhost"), &Process::new("test", None)).await;
    assert!(matches!(refused, Err(Error::Config { .. })), "{refused:?}");
}
