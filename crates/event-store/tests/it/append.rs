//! Appending: one winner per version, one effect per commit id, each commit its own answer.

use event_store::{Appended, Commit, Error, KeyHash};
use futures::future::join_all;
use schemas::Version;

use crate::given::{self, commit, firsts, stream};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_given_to_one_commit_only() {
    let (store, _process) = given::store().await;
    let stream = stream();
    assert_eq!(store.append(&commit(&stream, 1, 1)).await.unwrap(), Appended::Written);
    assert_eq!(store.append(&commit(&stream, 1, 1)).await.unwrap(), Appended::Conflict);
    assert_eq!(store.append(&commit(&stream, 2, 1)).await.unwrap(), Appended::Written);
}

/// Seen to fail when the index of the keys is not unique, and, at the second one, when nobody looks who holds a key.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_given_to_one_commit_only() {
    let (store, _process) = given::store().await;
    let keyed = |stream, first, keys: &[u8]| {
        let keys = keys.iter().map(|key| KeyHash([*key; 32])).collect();
        Commit { keys, ..commit(stream, first, 1) }
    };
    let (one, other) = (stream(), stream());
    let first = keyed(&one, 1, &[5, 6]);
    for _sent_again in 0..2 {
        assert_eq!(store.append(&first).await.unwrap(), Appended::Written);
    }
    let (taken, free) = (keyed(&one, 2, &[7, 6]), keyed(&other, 1, &[7, 8]));
    let (taken, free) = tokio::join!(store.append(&taken), store.append(&free));
    assert_eq!((taken.unwrap(), free.unwrap()), (Appended::Conflict, Appended::Written));
    let mut transaction = store.begin().await.unwrap();
    assert_eq!(transaction.append(&keyed(&one, 2, &[8])).await.unwrap(), Appended::Conflict);
    assert_eq!(store.tail(&one, Version::FIRST).await.unwrap(), [first]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_commit_sent_again_counts_as_written_and_is_stored_once() {
    let (store, _process) = given::store().await;
    let commit = commit(&stream(), 1, 2);
    for _ in 0..3 {
        assert_eq!(store.append(&commit).await.unwrap(), Appended::Written);
    }
    assert_eq!(store.tail(&commit.stream, Version::FIRST).await.unwrap(), [commit]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_appenders_on_one_stream_leave_neither_gaps_nor_repetitions() {
    let (store, _process) = given::store().await;
    let stream = stream();
    let appenders = (0..64).map(|_| {
        let (store, stream) = (store.clone(), stream.clone());
        runtime::tasks::spawn("appender", async move {
            let mut head = Version::NONE;
            loop {
                let next = commit(&stream, head.next().0, 1);
                match store.append(&next).await.unwrap() {
                    Appended::Written => return next.id,
                    Appended::Conflict => {
                        let tail = store.tail(&stream, head.next()).await.unwrap();
                        head = tail.last().expect("whoever was first is visible").last();
                    }
                }
            }
        })
    });
    let mut written: Vec<_> = join_all(appenders).await.into_iter().map(Result::unwrap).collect();
    let stored = store.tail(&stream, Version::FIRST).await.unwrap();
    assert_eq!(firsts(&stored), (1..=64).collect::<Vec<_>>());
    let mut stored: Vec<_> = stored.iter().map(|commit| commit.id).collect();
    stored.sort();
    written.sort();
    assert_eq!(stored, written);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_share_a_batch_each_get_their_own_answer() {
    let (store, _process) = given::store().await;
    let streams: Vec<_> = (0..200).map(|_| stream()).collect();
    let taken: Vec<_> = streams.iter().step_by(3).map(|stream| commit(stream, 1, 1)).collect();
    join_all(taken.iter().map(|commit| store.append(commit))).await;
    // All at once: every third is taken by another commit, the one after it is sent twice.
    let mut commits: Vec<_> = streams.iter().map(|stream| commit(stream, 1, 1)).collect();
    let twice: Vec<_> = commits.iter().skip(1).step_by(3).cloned().collect();
    commits.extend(twice);
    let answers = join_all(commits.iter().map(|commit| store.append(commit))).await;
    for (index, answer) in answers.into_iter().enumerate() {
        let expected = if index < 200 && index % 3 == 0 { Appended::Conflict } else { Appended::Written };
        assert_eq!(answer.unwrap(), expected, "{index}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_a_broker_might_refuse_for_its_size_is_not_stored() {
    let (store, _process) = given::store().await;
    let mut large = commit(&stream(), 1, 1);
    large.events[0].data.append(bson::raw::cstr!("padding"), "x".repeat(512 * 1024).as_str());
    let refused = store.append(&large).await;
    assert!(matches!(refused, Err(Error::TooLarge { what: "event", .. })), "{refused:?}");
    let mut many = commit(&stream(), 1, 0);
    let mut event = given::received(1);
    event.data.append(bson::raw::cstr!("padding"), "x".repeat(500 * 1024).as_str());
    many.events = vec![event; 17];
    let refused = store.append(&many).await;
    assert!(matches!(refused, Err(Error::TooLarge { what: "commit", .. })), "{refused:?}");
    assert_eq!(store.tail(&large.stream, Version::FIRST).await.unwrap(), []);
}
