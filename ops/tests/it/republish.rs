//! `ops republish`: says how much it is, and marks by `--execute` only.

use bson::doc;
use event_store::{Commit, Config, EventStore, Lanes, StoredEvent};
use runtime::Process;
use schemas::{CancellationCause, OrderCancelled, OrderEvent, OrderId, StreamId, Timestamp, UserId, Version};
use serde_json::Value;
use stack::testing;
use tokio::process::Command;
use uuid::Uuid;

/// A store on a database of its own, and the process it belongs to.
pub(crate) async fn store(database: &str) -> (EventStore, String, Process) {
    let uri = testing::mongo().await.database(database);
    let process = Process::new("ops-test", None);
    let store = EventStore::connect(Config::new(&uri), &process).await.unwrap();
    store.wait_until_up().await;
    (store, uri, process)
}

/// A commit of so many events of an order, made this many seconds after the epoch.
pub(crate) fn commit(stream: &StreamId, first: u32, events: u32, second: i64) -> Commit {
    let event = OrderEvent::Cancelled(OrderCancelled {
        cause: CancellationCause::Requested,
        cancelled_by: None,
        reason: Some("test".to_owned()),
    });
    Commit {
        stream: stream.clone(),
        first: Version(first),
        id: Uuid::now_v7(),
        at: Timestamp::from_micros(second * 1_000_000),
        owner: Some(UserId::from_bits(7)),
        commands: Vec::new(),
        keys: Vec::new(),
        events: (0..events).map(|_| StoredEvent::of(&event).unwrap()).collect(),
    }
}

pub(crate) fn order(number: u128) -> StreamId {
    OrderId::from_bits(number).stream().clone()
}

/// Stores commits as if they had been published.
pub(crate) async fn published(store: &EventStore, commits: &[Commit]) {
    for commit in commits {
        store.append(commit).await.unwrap();
        store.outbox().unmark(&[commit.key()]).await.unwrap();
    }
}

/// The commits that wait to be published, first versions in order.
pub(crate) async fn marked(store: &EventStore, stream: &StreamId) -> Vec<u32> {
    let mut snapshot = store.outbox().snapshot(Lanes::ALL, 1_000).await.unwrap();
    let marked = snapshot.page(1_000).await.unwrap().into_iter();
    marked.filter(|marked| marked.id.stream == *stream).map(|marked| marked.id.first.0).collect()
}

async fn republish(uri: &str, line: &str, code: i32) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    command.args(["republish", "--output", "json"]).args(line.split(' ')).env("MONGODB_URI", uri);
    let output = command.output().await.unwrap();
    assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_published_again_by_execute_only() {
    let (store, uri, _process) = store("republish").await;
    let (one, other) = (order(1), order(2));
    let commits =
        [commit(&one, 1, 2, 100), commit(&one, 3, 1, 200), commit(&one, 4, 1, 300), commit(&other, 1, 1, 400)];
    published(&store, &commits).await;
    let said = |answer: &Value| answer["items"][0]["state"].as_str().unwrap().to_owned();

    let line = format!("--stream {one} --from 3");
    let plan = republish(&uri, &line, 0).await;
    assert_eq!(plan["executed"], false);
    assert!(said(&plan).starts_with("2 events in 2 commits"), "{plan}");
    assert!(marked(&store, &one).await.is_empty(), "a plan does nothing");
    assert_eq!(republish(&uri, &format!("{line} --execute"), 0).await["executed"], true);
    assert_eq!(marked(&store, &one).await, [3, 4]);

    let again = store.outbox().again();
    for (line, expected) in [
        ("--all", "5 events in 4 commits"),
        ("--aggregate orders", "5 events in 4 commits"),
        ("--aggregate users", "0 events in 0 commits"),
        ("--aggregate orders --since 1970-01-01T00:03:20Z --until 1970-01-01T00:06:40Z", "2 events in 2 commits"),
    ] {
        assert!(said(&republish(&uri, line, 0).await).starts_with(expected), "{line}");
        assert_eq!(again.backlog(10).await.unwrap(), 0, "a plan does nothing");
    }
    let _ = republish(&uri, "--aggregate orders --execute", 0).await;
    assert_eq!(again.backlog(10).await.unwrap(), 2, "but for those that wait to be published already");
    for line in ["--execute", "--all --aggregate orders", "--all --from 3", "--aggregate ordr"] {
        let _ = republish(&uri, line, 64).await;
    }
}

/// Seen to fail when a stream that this build does not know ends it.
#[tokio::test(flavor = "multi_thread")]
async fn what_this_build_cannot_read_is_passed_over_and_named_and_the_rest_is_published() {
    let (store, uri, _process) = store("republish-strange").await;
    let one = order(1);
    published(&store, &[commit(&one, 1, 1, 100)]).await;
    let strange = doc! { "_id": { "s": "gift_1", "v": 1_i64 }, "at": 1_i64 };
    store.database().collection("commits").insert_one(strange).await.unwrap();
    for (line, code, action, marks) in [("--all", 0, "look", 0), ("--all --execute", 2, "refuse", 1)] {
        let answer = republish(&uri, line, code).await;
        assert!(answer["items"][0]["state"].as_str().unwrap().starts_with("1 events in 1 commits"), "{answer}");
        assert_eq!(answer["items"][1]["action"], action);
        let left_out = answer["items"][1]["state"].as_str().unwrap();
        assert!(left_out.starts_with("1 commits of gift_1 are of a newer build"), "{answer}");
        assert_eq!(store.outbox().again().backlog(10).await.unwrap(), marks);
    }
    for line in ["--aggregate orders --execute", "--all --since 1970-01-01T00:00:01Z --execute"] {
        let answer = republish(&uri, line, 0).await;
        assert_eq!(answer["items"].as_array().unwrap().len(), 1, "what was not asked for is not named: {answer}");
    }
}
