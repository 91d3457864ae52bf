//! Transactions: a commit and something else, both or neither.

use bson::{Document, doc};
use event_store::{Appended, Config, Lanes, lane};
use futures::future::join_all;
use schemas::Version;
use stack::testing;
use tokio::time::timeout;

use crate::given::{self, PATIENCE, commit, stream};

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_and_another_document_are_stored_together_or_not_at_all() {
    let (store, _process) = given::store().await;
    let others = store.database().collection::<Document>("others");
    others.insert_one(doc! { "_id": 0 }).await.unwrap();
    for (number, finished) in [(1, true), (2, false)] {
        let stream = stream();
        let mut transaction = store.begin().await.unwrap();
        others.insert_one(doc! { "_id": number }).session(transaction.session()).await.unwrap();
        assert_eq!(transaction.append(&commit(&stream, 1, 1)).await.unwrap(), Appended::Written);
        assert_eq!(store.tail(&stream, Version::FIRST).await.unwrap(), [], "not visible before its end");
        if finished {
            transaction.commit().await.unwrap();
            timeout(PATIENCE, store.outbox().doorbell().rung(Lanes::from_iter([lane(&stream)]))).await.unwrap();
        } else {
            drop(transaction);
        }
        assert_eq!(store.tail(&stream, Version::FIRST).await.unwrap().len(), usize::from(finished));
        assert_eq!(others.find_one(doc! { "_id": number }).await.unwrap().is_some(), finished);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_meets_a_taken_version_as_a_conflict() {
    let (store, _process) = given::store().await;
    let stream = stream();
    store.append(&commit(&stream, 1, 1)).await.unwrap();
    let mut late = store.begin().await.unwrap();
    assert_eq!(late.append(&commit(&stream, 1, 1)).await.unwrap(), Appended::Conflict);
    let (mut one, mut other) = (store.begin().await.unwrap(), store.begin().await.unwrap());
    assert_eq!(one.append(&commit(&stream, 2, 1)).await.unwrap(), Appended::Written);
    assert_eq!(other.append(&commit(&stream, 2, 1)).await.unwrap(), Appended::Conflict);
    one.commit().await.unwrap();
}

/// Seen to fail when a transaction takes its place before it is opened.
#[tokio::test(flavor = "multi_thread")]
async fn more_transactions_at_once_than_there_are_connections_wait_for_each_other() {
    let uri = testing::mongo().await.database(&format!("t{}", given::unique()));
    let (store, _process) = given::store_at(Config { pool: 4, ..Config::new(uri) }).await;
    let all = (0..40).map(async |_| {
        let mut transaction = store.begin().await?;
        transaction.append(&commit(&stream(), 1, 1)).await?;
        transaction.commit().await
    });
    for done in join_all(all).await {
        done.unwrap();
    }
}
