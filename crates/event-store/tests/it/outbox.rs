//! The outbox: what a snapshot shows and what it does not.

use bson::doc;
use event_store::{Appended, EventStore, Lanes, Marked, Snapshot, lane};
use futures::future::join_all;
use schemas::Timestamp;

use crate::given::{self, commit, stream};
use crate::read::explain;

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_shows_every_acknowledged_commit_in_the_order_of_its_clock() {
    let (store, _process) = given::store().await;
    let mut expected = Vec::new();
    for number in 0..30_i64 {
        let mut commit = commit(&stream(), 1, 1);
        // Stored in another order than that of the clock, with ties of three.
        commit.at = Timestamp::from_micros((number * 7) % 10);
        store.append(&commit).await.unwrap();
        expected.push((commit.at, commit.key()));
    }
    let mut snapshot = store.outbox().snapshot(Lanes::ALL, 100).await.unwrap();
    let mut shown = Vec::new();
    for size in [1, 2, 3, 4, 20] {
        shown.extend(snapshot.page(size).await.unwrap().into_iter().map(|marked| (marked.at, marked.id)));
    }
    assert_eq!(snapshot.page(1).await.unwrap().len(), 0);
    assert!(shown.is_sorted_by_key(|(at, _)| *at), "{shown:?}");
    expected.sort();
    shown.sort();
    assert_eq!(shown, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_shows_one_moment_also_to_its_later_pages() {
    let (store, _process) = given::store().await;
    // More than the server sends at a time, so that the last ones are still to be read when something changes.
    let early: Vec<_> = (1..=600).map(|number| commit(&stream(), 2 * number, 1)).collect();
    for appended in join_all(early.iter().map(|commit| store.append(commit))).await {
        assert_eq!(appended.unwrap(), Appended::Written);
    }
    let mut snapshot = store.outbox().snapshot(Lanes::ALL, 1_000).await.unwrap();
    assert_eq!(versions(&snapshot.page(1).await.unwrap()), [2]);
    // It would sort among what is still to be read.
    store.append(&commit(&stream(), 1_101, 1)).await.unwrap();
    store.outbox().unmark(&[early[599].key()]).await.unwrap();
    assert_eq!(versions(&read_all(snapshot).await), (2..=600).map(|number| 2 * number).collect::<Vec<_>>());
    let fresh = versions(&read_all(store.outbox().snapshot(Lanes::ALL, 1_000).await.unwrap()).await);
    assert!(fresh.contains(&1_101) && !fresh.contains(&1_200));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_commit_is_visible_at_once_and_a_removed_mark_is_gone_at_once() {
    let (store, _process) = given::store().await;
    for _ in 0..50 {
        let commit = commit(&stream(), 1, 2);
        assert_eq!(store.append(&commit).await.unwrap(), Appended::Written);
        let marked = all(&store).await;
        assert_eq!(marked.iter().map(|marked| &marked.id).collect::<Vec<_>>(), [&commit.key()]);
        assert_eq!(marked[0].events.as_ref().unwrap(), &commit.recorded().unwrap());
        store.outbox().unmark(&[commit.key()]).await.unwrap();
        assert_eq!(all(&store).await.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_keeps_to_its_lanes_and_its_limit() {
    let (store, _process) = given::store().await;
    let streams: Vec<_> = (0..40).map(|_| stream()).collect();
    for stream in &streams {
        store.append(&commit(stream, 1, 1)).await.unwrap();
    }
    let lanes = Lanes::from_iter([lane(&streams[0]), lane(&streams[1])]);
    let shown = read_all(store.outbox().snapshot(lanes, 100).await.unwrap()).await;
    let expected = streams.iter().filter(|stream| lanes.contains(lane(stream))).count();
    assert_eq!(shown.len(), expected);
    assert!(shown.iter().all(|marked| lanes.contains(lane(&marked.id.stream))));
    assert_eq!(read_all(store.outbox().snapshot(Lanes::ALL, 7).await.unwrap()).await.len(), 7);
    assert_eq!(read_all(store.outbox().snapshot(Lanes::NONE, 7).await.unwrap()).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_an_unknown_event_is_shown_with_the_reason_why_it_cannot_be_read() {
    let (store, _process) = given::store().await;
    let mut strange = commit(&stream(), 1, 1);
    strange.events[0].name = "StockEvaporated".into();
    store.append(&strange).await.unwrap();
    let marked = all(&store).await;
    assert_eq!(marked[0].id, strange.key());
    assert!(marked[0].events.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_a_stream_that_this_build_does_not_know_is_passed_over_and_keeps_its_mark() {
    let (store, _process) = given::store().await;
    let known = [commit(&stream(), 1, 1), commit(&stream(), 2, 1)];
    for commit in &known {
        store.append(commit).await.unwrap();
    }
    let strange = |stream: &str, version: i64, at: i64| {
        doc! { "_id": { "s": stream, "v": version }, "at": at, "o": i32::from(lane(&known[0].stream)) }
    };
    let strange = [
        strange("gift_1", 1, 1),
        strange("gift_1", 2, 2),
        strange("gift_2", 1, 1_001),
        doc! {
            "_id": { "v": 1_i64 }, "at": 1_002_i64, "o": i32::from(lane(&known[0].stream))
        },
    ];
    store.database().collection("commits").insert_many(strange).await.unwrap();
    // The first page has nothing to show but what comes behind it.
    let mut snapshot = store.outbox().snapshot(Lanes::ALL, 100).await.unwrap();
    assert_eq!(versions(&snapshot.page(2).await.unwrap()), [1]);
    assert_eq!(versions(&snapshot.page(2).await.unwrap()), [2]);
    assert!(snapshot.page(2).await.unwrap().is_empty());
    let passed_over = snapshot.passed_over();
    let streams: Vec<_> = passed_over.streams.iter().map(String::as_str).collect();
    assert_eq!((passed_over.commits, streams), (4, vec!["gift_1", "gift_2", "without a name"]));
    assert_eq!(store.outbox().backlog(100).await.unwrap(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_is_read_in_the_order_of_its_index_which_holds_marked_commits_only() {
    let (store, _process) = given::store().await;
    let lanes: Vec<i32> = Lanes::ALL.iter().map(i32::from).collect();
    let find = doc! { "find": "commits", "filter": { "o": { "$in": lanes } }, "sort": { "at": 1 }, "limit": 100, "hint": { "at": 1, "o": 1 } };
    let plan = explain(&store, find).await;
    assert!(plan.contains("at_1_o_1"), "{plan}");
    assert!(!["COLLSCAN", "\"SORT\"", "SORT_MERGE"].iter().any(|stage| plan.contains(stage)), "{plan}");
    let commits: Vec<_> = (0..20).map(|_| commit(&stream(), 1, 1)).collect();
    for commit in &commits {
        store.append(commit).await.unwrap();
    }
    assert_eq!(index_entries(&store).await, 20);
    store.outbox().unmark(&commits.iter().map(event_store::Commit::key).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(index_entries(&store).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_the_oldest_mark_is_that_of_the_oldest_commit_still_marked() {
    let (store, _process) = given::store().await;
    assert_eq!(store.outbox().oldest_mark_age().await.unwrap(), None);
    let (mut old, mut young) = (commit(&stream(), 1, 1), commit(&stream(), 1, 1));
    let now = runtime::clock::now_micros();
    (old.at, young.at) = (Timestamp::from_micros(now - 90_000_000), Timestamp::from_micros(now - 30_000_000));
    store.append(&young).await.unwrap();
    store.append(&old).await.unwrap();
    let age = store.outbox().oldest_mark_age().await.unwrap().unwrap().as_secs();
    assert!((90..120).contains(&age), "{age}");
    store.outbox().unmark(&[old.key()]).await.unwrap();
    let age = store.outbox().oldest_mark_age().await.unwrap().unwrap().as_secs();
    assert!((30..60).contains(&age), "{age}");
}

async fn all(store: &EventStore) -> Vec<Marked> {
    read_all(store.outbox().snapshot(Lanes::ALL, 1_000).await.unwrap()).await
}

async fn read_all(mut snapshot: Snapshot) -> Vec<Marked> {
    let mut all = Vec::new();
    loop {
        let page = snapshot.page(3).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn versions(marked: &[Marked]) -> Vec<u32> {
    marked.iter().map(|marked| marked.id.first.0).collect()
}

async fn index_entries(store: &EventStore) -> i32 {
    let validated = store.database().run_command(doc! { "validate": "commits" }).await.unwrap();
    let keys = validated.get_document("keysPerIndex").unwrap();
    keys.get_i32("at_1_o_1").unwrap_or_else(|_| i32::try_from(keys.get_i64("at_1_o_1").unwrap()).unwrap())
}
