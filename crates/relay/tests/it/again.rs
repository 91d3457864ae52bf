//! Publishing again on a real outbox: in order, behind what is new, and shared like it.

use event_store::{Selection, lane};
use relay::{Limits, Logs, Throttle};
use schemas::{StreamId, Version};
use stack::testing::eventually;

use crate::ledger::{Ledger, commit, stream};
use crate::run::{Node, PATIENCE, database};

/// Two ledgers, so that it can be seen what came which way.
fn logs() -> Logs<Ledger> {
    Logs { live: Ledger::new(), again: Ledger::new() }
}

fn streams(count: u32) -> Vec<StreamId> {
    (0..count).map(|number| stream(&number.to_string())).collect()
}

/// Stores versions 1 to 3 of each as if they had been published long ago.
async fn published(node: &Node, streams: &[StreamId]) {
    for stream in streams {
        let commits = [1, 2, 3].map(|version| commit(stream, version, 1));
        for commit in &commits {
            node.store.append(commit).await.unwrap();
        }
        node.store.outbox().unmark(&commits.map(|commit| commit.key())).await.unwrap();
    }
}

async fn mark_all_again(node: &Node) {
    let republisher = node.store.republisher();
    let mut walk = republisher.walk(Selection::default());
    while let Some(page) = walk.next().await.unwrap() {
        republisher.again(&page).await.unwrap();
    }
}

async fn none_left(node: &Node) {
    let outbox = node.store.outbox().again();
    let none = async || (outbox.backlog(1).await.unwrap() == 0).then_some(());
    eventually("nothing is left to be published again", PATIENCE, none).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_published_again_from_a_version_on_in_order() {
    let (node, logs) = (Node::start(&database().await, "a").await, logs());
    let of = [stream("tea"), stream("coffee")];
    published(&node, &of).await;
    node.append(&of[0], 4).await;
    node.relay_to(logs.clone(), relay::Config::default()).await;
    node.all_published().await;
    node.store.republisher().stream(&of[0], Version(2)).await.unwrap();
    node.all_published().await;
    assert_eq!((logs.live.versions(&of[0]), logs.live.versions(&of[1])), (vec![4, 2, 3, 4], vec![]));
    assert_eq!(logs.again.written(), []);
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_again_waits_until_nothing_new_is_left_and_keeps_its_order() {
    let (node, ledger, streams) = (Node::start(&database().await, "a").await, Ledger::new(), streams(20));
    published(&node, &streams).await;
    mark_all_again(&node).await;
    let new = stream("new");
    for version in 1..=30 {
        node.append(&new, version).await;
    }
    // A live backlog of three rounds, and one ledger for both.
    let limits = Limits { page: 5, pages_in_flight: 1, commits: 10 };
    let again = Throttle { limits, events_per_second: 1_000 };
    let both = Logs { live: ledger.clone(), again: ledger.clone() };
    node.relay_to(both, relay::Config { limits, again, ..relay::Config::default() }).await;
    none_left(&node).await;
    let written = ledger.written();
    assert!(written[..30].iter().all(|(stream, _)| *stream == new), "{written:?}");
    assert_eq!(written.len(), 30 + 60);
    for stream in &streams {
        assert_eq!(ledger.versions(stream), [1, 2, 3]);
    }
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_waits_for_what_is_published_again() {
    let (node, logs, streams) = (Node::start(&database().await, "a").await, logs(), streams(20));
    published(&node, &streams).await;
    mark_all_again(&node).await;
    logs.again.hold();
    node.relay_to(logs.clone(), relay::Config::default()).await;
    eventually("a round of it is under way", PATIENCE, async || (!logs.again.written().is_empty()).then_some(())).await;
    for version in 1..=10 {
        node.append(&stream("new"), version).await;
        node.all_published().await;
    }
    assert_eq!(node.store.outbox().again().backlog(100).await.unwrap(), 60, "it was not answered yet");
    logs.again.answer();
    none_left(&node).await;
    assert_eq!(logs.live.written().len(), 10);
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_again_does_not_wait_for_a_stream_that_is_stopped() {
    let (node, logs, streams) = (Node::start(&database().await, "a").await, logs(), streams(5));
    published(&node, &streams).await;
    logs.live.refuse(&stream("stopped"), 1);
    node.append(&stream("stopped"), 1).await;
    mark_all_again(&node).await;
    node.relay_to(logs.clone(), relay::Config::default()).await;
    none_left(&node).await;
    for stream in &streams {
        assert_eq!(logs.again.versions(stream), [1, 2, 3]);
    }
    assert_eq!(logs.live.written(), []);
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_share_what_is_published_again_like_what_is_new() {
    let (uri, logs, streams) = (database().await, [logs(), logs()], streams(60));
    let (one, other) = (Node::start(&uri, "one").await, Node::start(&uri, "other").await);
    published(&one, &streams).await;
    one.relay_to(logs[0].clone(), relay::Config::default()).await;
    other.relay_to(logs[1].clone(), relay::Config::default()).await;
    let relays = one.relays().await;
    // From some moment on, each lane is published by its owner alone.
    let owner_alone = async || {
        let before = logs.each_ref().map(|logs| logs.again.written().len());
        mark_all_again(&one).await;
        none_left(&one).await;
        let by = |relay: usize| logs[relay].again.written().split_off(before[relay]);
        let owned = |relay: usize, me: &str| {
            let owned = relay::owned(me, &relays);
            by(relay).iter().all(|(stream, _)| owned.contains(lane(stream)))
        };
        (by(0).len() + by(1).len() == 180 && owned(0, "one") && owned(1, "other")).then_some(())
    };
    eventually("each relay publishes its own lanes again and no others", PATIENCE, owner_alone).await;
    one.end().await;
    other.end().await;
}
