//! Heartbeats: who is there, by the server's clock.

use bson::{Document, doc};
use event_store::{Config, HEARTBEAT_LIFETIME, Outbox, Presence};
use stack::testing::{self, eventually};

use crate::given::{self, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_there_until_it_leaves() {
    let (store, _process) = given::store().await;
    let outbox = store.outbox();
    outbox.heartbeat("b", Presence::Relay).await.unwrap();
    outbox.heartbeat("a", Presence::Relay).await.unwrap();
    outbox.heartbeat("c", Presence::Writer).await.unwrap();
    assert_eq!(relays(&outbox).await, ["a", "b"]);
    assert_eq!(outbox.present().await.unwrap().len(), 3);
    outbox.leave("a").await.unwrap();
    assert_eq!(relays(&outbox).await, ["b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_a_heartbeat_is_gone_by_the_servers_clock() {
    let (store, _process) = given::store().await;
    let outbox = store.outbox();
    outbox.heartbeat("slow", Presence::Relay).await.unwrap();
    let heartbeats = store.database().collection::<Document>("heartbeats");
    let age = i64::try_from(HEARTBEAT_LIFETIME.as_millis()).unwrap();
    for (ages_by, there) in [(age / 2, true), (age / 2 + 1, false)] {
        let older = doc! { "$set": { "seen": { "$subtract": ["$seen", ages_by] } } };
        heartbeats.update_one(doc! { "_id": "slow" }, vec![older]).await.unwrap();
        assert_eq!(relays(&outbox).await.len(), usize::from(there));
    }
    outbox.heartbeat("slow", Presence::Relay).await.unwrap();
    assert_eq!(relays(&outbox).await, ["slow"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_only_writes_announces_itself_and_leaves_at_its_end() {
    let uri = testing::mongo().await.database(&format!("t{}", given::unique()));
    let (observer, _process) = given::store_at(Config::new(&uri)).await;
    let (writer, process) = given::store_at(Config { announce: true, ..Config::new(&uri) }).await;
    let there = [("test-1".to_owned(), Presence::Writer)];
    eventually("the writer is seen", PATIENCE, async || {
        (observer.outbox().present().await.unwrap() == there).then_some(())
    })
    .await;
    assert_eq!(relays(&observer.outbox()).await.len(), 0);
    drop(writer);
    process.shutdown.request();
    assert!(process.tasks.finish(PATIENCE).await, "every task ends");
    assert_eq!(observer.outbox().present().await.unwrap(), []);
}

/// The relays that are there, by name.
async fn relays(outbox: &Outbox) -> Vec<String> {
    let present = outbox.present().await.unwrap().into_iter();
    present.filter(|(_, presence)| *presence == Presence::Relay).map(|(instance, _)| instance).collect()
}
