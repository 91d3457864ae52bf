//! The one call that writes.

use std::time::Duration;

use read_model::{Applied, Error, Gap};
use schemas::{Position, Version};
use stack::servers::Redis;
use stack::testing;

use super::{Rig, event, source, stream, write};

#[tokio::test]
async fn a_batch_stores_documents_lists_and_position_together() {
    let rig = Rig::shared("together").await;
    let batch = rig.batch(vec![write(1, 0, 1), write(2, 0, 3)]).await;
    assert_eq!(rig.read_model.apply(&batch).await.unwrap(), Applied::Done);
    let found = rig.read_model.documents(&rig.target, &[stream(2), stream(9), stream(1)]).await.unwrap();
    let versions: Vec<_> = found.iter().map(|found| found.as_ref().map(|document| document.version)).collect();
    assert_eq!(versions, [Some(Version(3)), None, Some(Version(1))]);
    assert_eq!(found[0].as_ref().unwrap().last_event, Some(event(2, 3)));
    assert_eq!(found[0].as_ref().unwrap().body, batch.writes[1].body);
    assert_eq!(rig.read_model.position(&rig.target, &source(0)).await.unwrap(), batch.next);
    assert_eq!(rig.read_model.position(&rig.target, &source(1)).await.unwrap(), Position::default());
}

#[tokio::test]
async fn a_retry_after_a_lost_reply_is_refused_and_recognised() {
    let server: Redis = testing::own().await;
    let rig = Rig::on(&server, "lost-reply");
    let batch = rig.batch(vec![write(1, 0, 1)]).await;
    // The request leaves while the server stands still, and nobody is there any more when the reply comes.
    server.pause();
    let unheard = tokio::time::timeout(Duration::from_millis(200), rig.read_model.apply(&batch)).await;
    assert!(unheard.is_err());
    server.resume();
    testing::eventually("the unheard call was executed", Duration::from_secs(10), async || {
        let stored = rig.read_model.position(&rig.target, &source(0)).await.unwrap();
        (stored == batch.next).then_some(())
    })
    .await;
    let before = rig.everything().await;
    assert_eq!(rig.read_model.apply(&batch).await.unwrap(), Applied::Refused { stored: batch.next });
    assert_eq!(rig.everything().await, before);
}

#[tokio::test]
async fn a_zombie_is_refused_and_writes_nothing() {
    let rig = Rig::shared("zombie").await;
    rig.write(vec![write(1, 0, 1)]).await;
    let zombies = rig.batch(vec![write(2, 0, 1), write(1, 1, 2)]).await;
    rig.write(vec![write(3, 0, 1)]).await;
    let before = rig.everything().await;
    let stored = rig.read_model.position(&rig.target, &source(0)).await.unwrap();
    assert_eq!(rig.read_model.apply(&zombies).await.unwrap(), Applied::Refused { stored });
    assert_eq!(rig.everything().await, before);
}

#[tokio::test]
async fn the_same_offset_of_another_log_is_refused() {
    let rig = Rig::shared("other-log").await;
    rig.write(vec![write(1, 0, 1)]).await;
    let mut batch = rig.batch(vec![write(2, 0, 1)]).await;
    let stored = batch.base;
    batch.base.last = Some(event(77, 1));
    assert_eq!(rig.read_model.apply(&batch).await.unwrap(), Applied::Refused { stored });
}

#[tokio::test]
async fn one_stale_document_among_a_hundred_prevents_every_write() {
    let rig = Rig::shared("stale").await;
    rig.write(vec![write(100, 0, 5)]).await;
    let before = rig.everything().await;
    let mut writes: Vec<_> = (1..=99).map(|number| write(number, 0, 1)).collect();
    writes.push(write(100, 4, 6));
    let batch = rig.batch(writes).await;
    assert_eq!(rig.read_model.apply(&batch).await.unwrap(), Applied::StaleDocuments);
    assert_eq!(rig.everything().await, before);
}

#[tokio::test]
async fn a_key_of_a_foreign_type_is_found_before_anything_is_written() {
    let rig = Rig::shared("foreign-type").await;
    let foreign = ["l:all", "gaps", "parked", "d:ord_00000000000000000000000000000007"];
    for key in foreign {
        let key = format!("{{foreign-type}}:g1:{key}");
        let mut raw = rig.raw().await;
        let _: () = redis::cmd("SET").arg(&key).arg("not ours").query_async(&mut raw).await.unwrap();
        let mut batch = rig.batch((1..=7).map(|number| write(number, 0, 1)).collect()).await;
        batch.gaps.push(Gap { stream: stream(8), highest: Version(3) });
        let before = rig.everything().await;
        let outcome = rig.read_model.apply(&batch).await;
        assert!(matches!(outcome, Err(Error::Refused { .. })), "{key}: {outcome:?}");
        assert_eq!(rig.everything().await, before, "{key}");
        let _: () = redis::cmd("DEL").arg(&key).query_async(&mut raw).await.unwrap();
    }
}

#[tokio::test]
async fn without_memory_a_batch_is_refused_up_front_and_applied_later() {
    let server: Redis = testing::own().await;
    let rig = Rig::on(&server, "memory");
    rig.write(vec![write(1, 0, 1)]).await;
    let batch = rig.batch(vec![write(2, 0, 1), write(1, 1, 2)]).await;
    let before = rig.everything().await;
    let limit = async |bytes: u64| {
        let mut raw = rig.raw().await;
        let set = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).query_async::<()>(&mut raw).await;
        set.unwrap();
    };
    limit(1).await;
    let refused = rig.read_model.apply(&batch).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable { .. }) && refused.is_passing(), "{refused:?}");
    assert_eq!(rig.everything().await, before);
    limit(0).await;
    assert_eq!(rig.read_model.apply(&batch).await.unwrap(), Applied::Done);
}

#[tokio::test]
async fn a_tombstone_keeps_its_version_and_leaves_its_lists() {
    let rig = Rig::shared("tombstone").await;
    rig.write(vec![write(1, 0, 1)]).await;
    let mut end = write(1, 1, 2);
    end.body = None;
    end.list_remove.push("all".to_owned());
    rig.write(vec![end]).await;
    let found = rig.read_model.documents(&rig.target, &[stream(1)]).await.unwrap().pop().flatten().unwrap();
    assert_eq!((found.version, found.body), (Version(2), None));
    assert!(!rig.everything().await.contains_key("{tombstone}:g1:l:all"));
}

#[tokio::test]
async fn a_gap_stays_noted_until_its_stream_has_reached_the_highest_version_seen() {
    let rig = Rig::shared("gaps").await;
    let noted = async || {
        let mut raw = rig.raw().await;
        let highest: Option<u32> =
            redis::cmd("HGET").arg("{gaps}:g1:gaps").arg(stream(1).as_str()).query_async(&mut raw).await.unwrap();
        highest
    };
    for (seen, expected) in [(5, 5), (4, 5), (7, 7)] {
        let mut batch = rig.batch(Vec::new()).await;
        batch.gaps.push(Gap { stream: stream(1), highest: Version(seen) });
        assert_eq!(rig.read_model.apply(&batch).await.unwrap(), Applied::Done);
        assert_eq!(noted().await, Some(expected));
    }
    rig.write(vec![write(1, 0, 6)]).await;
    assert_eq!(noted().await, Some(7), "version 7 is still missing");
    rig.write(vec![write(1, 6, 7)]).await;
    assert_eq!(noted().await, None);
}

#[tokio::test]
async fn what_was_not_founded_is_not_opened_and_nothing_comes_up_beside_what_was() {
    let rig = Rig::shared("live").await;
    let next = read_model::Target { generation: read_model::Generation(2), ..rig.target };
    for target in [rig.target, next] {
        let refused = rig.read_model.open(&target, &source(0)).await.unwrap_err();
        assert!(matches!(refused, Error::NoSuchGeneration { .. }), "{refused:?}");
    }
    assert_eq!(rig.everything().await.len(), 0, "Redis was emptied: which one comes back is not for a worker to say");
    rig.open(0).await;
    let before = rig.everything().await;
    let refused = rig.read_model.open(&next, &source(0)).await.unwrap_err();
    assert!(matches!(refused, Error::NoSuchGeneration { .. }), "{refused:?}");
    assert!(refused.is_passing(), "it is asked again");
    let batch = read_model::Batch { target: next, ..rig.batch(vec![write(1, 0, 1)]).await };
    let refused = rig.read_model.apply(&batch).await.unwrap_err();
    assert!(matches!(refused, Error::NoSuchGeneration { .. }), "{refused:?}");
    assert_eq!(rig.everything().await, before, "nobody would look there for what is to be erased");
}
