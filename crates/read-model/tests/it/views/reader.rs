//! What queries read: always the live generation, several documents at once, and the lag.

use std::time::Duration;

use read_model::{Error, Freshness};
use runtime::clock;
use schemas::Version;

use super::{Rig, source, stream, write};

#[tokio::test]
async fn a_reader_follows_the_live_generation_without_an_old_answer() {
    let rig = Rig::shared("switch").await;
    rig.write(vec![write(1, 0, 1)]).await;
    let reader = rig.read_model.reader();
    let version = async || reader.document("switch", &stream(1)).await.unwrap().map(|document| document.version);
    assert_eq!(version().await, Some(Version(1)));

    let next = rig.beside(7).await;
    let mut batch = rig.batch(vec![write(1, 0, 2)]).await;
    batch.target = next;
    batch.base = schemas::Position::default();
    rig.read_model.apply(&batch).await.unwrap();
    assert_eq!(version().await, Some(Version(1)), "filled, but not live");
    let _: () = redis::cmd("SET").arg("{switch}:live").arg(7).query_async(&mut rig.raw().await).await.unwrap();
    assert_eq!(version().await, Some(Version(2)));
    let (entries, _) = reader.page("switch", &super::pages::page("all", 5)).await.unwrap();
    assert_eq!(entries[0].document.version, Version(2));
}

#[tokio::test]
async fn documents_of_several_projections_come_in_the_order_asked_for() {
    let (products, stock) = (Rig::shared("products-here").await, Rig::shared("stock-here").await);
    products.write(vec![write(1, 0, 4), write(2, 0, 5)]).await;
    stock.write(vec![write(1, 0, 6)]).await;
    let (one, two) = (stream(1), stream(2));
    let wanted = [("products-here", &one), ("stock-here", &one), ("stock-here", &two), ("products-here", &two)];
    let found = products.read_model.reader().documents(&wanted).await.unwrap();
    let versions: Vec<_> = found.into_iter().map(|found| found.map(|document| document.version.0)).collect();
    assert_eq!(versions, [Some(4), Some(6), None, Some(5)]);
}

#[tokio::test]
async fn without_a_live_generation_nothing_is_answered() {
    let rig = Rig::shared("nothing-live").await;
    let refused = rig.read_model.reader().document("nothing-live", &stream(1)).await.unwrap_err();
    assert!(matches!(refused, Error::NoLiveGeneration { .. }) && refused.is_passing());
}

#[tokio::test]
async fn the_lag_is_that_of_the_partition_that_was_at_its_end_longest_ago() {
    let rig = Rig::shared("lag").await;
    let now = clock::now_micros() / 1_000;
    let stamp = |partition, at_ms| Freshness { target: rig.target, source: source(partition), at_ms };
    let lag = async || rig.read_model.reader().lag_ms("lag").await.unwrap();
    rig.open(0).await;
    rig.open(1).await;
    rig.read_model.stamp(&[stamp(0, now)]).await.unwrap();
    assert_eq!(lag().await, None, "partition 1 has never been at its end");
    rig.read_model.stamp(&[stamp(0, now), stamp(1, now)]).await.unwrap();
    assert_eq!(lag().await, Some(0), "one that keeps up shows none");
    rig.read_model.stamp(&[stamp(1, now - 60_000)]).await.unwrap();
    let behind = lag().await.unwrap();
    assert!((60_000..70_000).contains(&behind), "{behind}");
    rig.open(1).await;
    assert!(lag().await.unwrap() >= 60_000, "beginning work again says nothing about being at the end");
}

#[tokio::test]
async fn positions_name_every_partition() {
    let rig = Rig::shared("positions").await;
    rig.write(vec![write(1, 0, 1), write(2, 0, 1)]).await;
    let positions = rig.read_model.reader().positions("positions").await.unwrap();
    assert_eq!(positions.into_iter().collect::<Vec<_>>(), [(source(0), 2)]);
}

/// Whoever reads with a token relies on that order: what is behind in it is at least as new.
#[tokio::test(flavor = "multi_thread")]
async fn of_one_read_no_document_is_older_than_one_before_it_although_writes_come_in_between() {
    let rig = Rig::shared("between").await;
    rig.write(vec![write(1, 0, 1)]).await;
    let (reader, one) = (rig.read_model.reader(), stream(1));
    let wanted = [("between", &one); 2_000];
    let writing = async {
        for version in 2.. {
            rig.write(vec![write(1, version - 1, version)]).await;
        }
    };
    let reading = async {
        loop {
            let found = reader.documents(&wanted).await.unwrap();
            let versions: Vec<_> = found.into_iter().flatten().map(|document| document.version).collect();
            assert!(versions.is_sorted() && versions.len() == wanted.len(), "{versions:?}");
            if versions.first() < versions.last() {
                return;
            }
        }
    };
    tokio::select! {
        () = writing => {}
        read = tokio::time::timeout(Duration::from_secs(30), reading) => read.expect("a write in between"),
    }
}
