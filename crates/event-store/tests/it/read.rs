//! Reading: tails from any version, and look-ups by key.

use bson::{Document, doc};
use event_store::{Appended, Commit, EventStore, KeyHash, StoredEvent};
use futures::future::join_all;
use schemas::{AnyEvent, EventId, Sku, StockEvent, StockReceived, StreamId, Version};

use crate::given::{self, commit, firsts, stream};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_appended_is_read_back_unchanged() {
    let (store, _process) = given::store().await;
    let mut commit = commit(&stream(), 1, 3);
    commit.keys = vec![KeyHash([3; 32]), KeyHash([4; 32])];
    commit.commands.push(event_store::CommandRecord::default());
    store.append(&commit).await.unwrap();
    assert_eq!(store.tail(&commit.stream, Version::FIRST).await.unwrap(), [commit.clone()]);
    let recorded = commit.recorded().unwrap();
    for (index, event) in (0..).zip(&recorded) {
        assert_eq!((event.version, event.id), (Version(1 + index), EventId::of_commit(commit.id, index)));
        assert_eq!((&*event.correlation, event.causation.as_deref()), ("request-1", Some("command-1")));
        assert_eq!((event.at, &event.owner, &event.stream), (commit.at, &commit.owner, &commit.stream));
        let AnyEvent::Stock(StockEvent::Received(received)) = &event.event else { panic!("{event:?}") };
        assert_eq!(received.quantity, i64::from(1 + index));
    }
    assert_eq!(recorded.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_begins_with_the_commit_that_holds_the_wanted_version() {
    let (store, _process) = given::store().await;
    let (stream, before, behind) = (stream(), stream(), stream());
    // Versions 1 2 3 | 4 | 5 6, between the streams of others.
    for commit in [commit(&stream, 1, 3), commit(&stream, 4, 1), commit(&stream, 5, 2)] {
        assert_eq!(store.append(&commit).await.unwrap(), Appended::Written);
    }
    for other in [before, behind] {
        store.append(&commit(&other, 1, 1)).await.unwrap();
    }
    let expected: [(u32, &[u32]); 9] = [
        (0, &[1, 4, 5]),
        (1, &[1, 4, 5]),
        (2, &[1, 4, 5]),
        (3, &[1, 4, 5]),
        (4, &[4, 5]),
        (5, &[5]),
        (6, &[5]),
        (7, &[]),
        (99, &[]),
    ];
    for (from, commits) in expected {
        assert_eq!(firsts(&store.tail(&stream, Version(from)).await.unwrap()), commits, "from {from}");
    }
    assert_eq!(store.tail(&given::stream(), Version::FIRST).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_is_read_page_by_page_however_long_the_stream_is_and_however_large_its_commits() {
    let (store, _process) = given::store().await;
    let (long, large) = (stream(), stream());
    // Two events each; and 1 MiB each.
    let many: Vec<_> = (0..2_500).map(|number| commit(&long, 1 + 2 * number, 2)).collect();
    let reason = Some("x".repeat(256 * 1024));
    let received = StockReceived { sku: Sku::parse("tea").unwrap(), quantity: 1, reason };
    let event = StoredEvent::of(&StockEvent::Received(received)).unwrap();
    let few: Vec<_> =
        (0..6).map(|number| Commit { events: vec![event.clone(); 4], ..commit(&large, 1 + 4 * number, 4) }).collect();
    for appended in join_all(many.iter().chain(&few).map(|commit| store.append(commit))).await {
        assert_eq!(appended.unwrap(), Appended::Written);
    }
    let pages = async |stream: &StreamId, from: u32, limit: u32| {
        let (mut pages, mut next) = (Vec::new(), Some(Version(from)));
        while let Some(from) = next {
            let page = store.tail_page(stream, from, limit).await.unwrap();
            pages.push(firsts(&page.commits));
            next = page.next;
        }
        pages
    };
    let (all, found) = (firsts(&many), pages(&long, 1, 1_000).await);
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [1_000, 1_000, 500]);
    assert_eq!(found.concat(), all);
    assert_eq!(firsts(&store.tail(&long, Version::FIRST).await.unwrap()), all);
    // The commit that holds the version comes besides, and what ends with a page leaves an empty one.
    assert_eq!(pages(&long, 4_990, 3).await, [vec![4_989, 4_991, 4_993, 4_995], vec![4_997, 4_999]]);
    assert_eq!(pages(&long, 4_999, 1).await, [vec![4_999], vec![]]);
    assert_eq!(pages(&long, 5_001, 1).await, [Vec::<u32>::new()]);
    assert_eq!(pages(&large, 1, 1_000).await, [vec![1, 5, 9, 13], vec![17, 21]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_between_two_streams_is_read_in_order_and_as_much_as_is_asked_for() {
    let (store, _process) = given::store().await;
    let mut streams: Vec<_> = (0..5).map(|_| stream()).collect();
    streams.sort();
    for stream in streams.iter().rev() {
        for commit in [commit(stream, 1, 9), commit(stream, 10, 1)] {
            assert_eq!(store.append(&commit).await.unwrap(), Appended::Written);
        }
    }
    let between = async |from: u32, limit: u32| {
        let found = store.between((&streams[1], Version(from)), &streams[3], limit).await.unwrap();
        found.into_iter().map(|commit| (commit.stream, commit.first.0)).collect::<Vec<_>>()
    };
    let expected: Vec<_> = streams[1..4].iter().flat_map(|one| [(one.clone(), 1), (one.clone(), 10)]).collect();
    assert_eq!(between(0, 100).await, expected);
    assert_eq!(between(0, 3).await, expected[..3]);
    assert_eq!(between(2, 3).await, expected[1..4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_begun_once_it_has_a_commit() {
    let (store, _process) = given::store().await;
    let (one, other, never) = (stream(), stream(), stream());
    for commit in [commit(&one, 1, 3), commit(&one, 4, 1), commit(&other, 1, 1)] {
        store.append(&commit).await.unwrap();
    }
    assert_eq!(store.begun(&[one.clone(), never, other.clone()]).await.unwrap(), [one, other].into());
    assert_eq!(store.begun(&[]).await.unwrap(), [].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_are_found_again_by_each_of_their_keys() {
    let (store, _process) = given::store().await;
    let mut keyed = commit(&stream(), 1, 1);
    keyed.keys = vec![KeyHash([5; 32]), KeyHash([6; 32])];
    store.append(&keyed).await.unwrap();
    store.append(&commit(&stream(), 1, 1)).await.unwrap();
    let mut other = commit(&stream(), 1, 1);
    other.keys = vec![KeyHash([8; 32])];
    store.append(&other).await.unwrap();
    for key in &keyed.keys {
        assert_eq!(store.find_keys(&[*key]).await.unwrap(), [keyed.clone()]);
    }
    assert_eq!(store.find_keys(&keyed.keys).await.unwrap(), [keyed.clone()]);
    assert_eq!(store.find_keys(&[]).await.unwrap(), []);
    let unknown = KeyHash([7; 32]);
    assert_eq!(store.find_keys(&[unknown]).await.unwrap(), []);
    let mut both = store.find_keys(&[KeyHash([8; 32]), unknown, KeyHash([5; 32])]).await.unwrap();
    both.sort_by_key(|commit| commit.keys.len());
    assert_eq!(both, [other, keyed]);
    let key = |byte| bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![byte; 32] };
    let wanted = doc! { "ks": { "$in": [key(5), key(8)] } };
    let plan = explain(&store, doc! { "find": "commits", "filter": wanted }).await;
    assert!(plan.contains("IXSCAN") && plan.contains("ks_once") && !plan.contains("COLLSCAN"), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_is_a_range_of_the_primary_index() {
    let (store, _process) = given::store().await;
    let (from, to) = (doc! { "s": "stk_a", "v": 1_i64 }, doc! { "s": "stk_a", "v": bson::Bson::MaxKey });
    let find = doc! { "find": "commits", "filter": { "_id": { "$gte": from, "$lt": to } }, "sort": { "_id": 1 } };
    let plan = explain(&store, find).await;
    assert!(plan.contains("IXSCAN") && plan.contains("_id_") && !plan.contains("\"SORT\""), "{plan}");
}

/// The plan that the server chooses.
pub(crate) async fn explain(store: &EventStore, find: Document) -> String {
    let explained = store.database().run_command(doc! { "explain": find, "verbosity": "queryPlanner" }).await.unwrap();
    explained.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap().to_string()
}
