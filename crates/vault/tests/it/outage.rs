//! The database of keys goes away and comes back.

use std::time::Duration;

use stack::servers::Mongo;
use stack::{eventually, testing};

use crate::world::{OLD, World, read, user};

#[tokio::test(flavor = "multi_thread")]
async fn while_the_keys_are_away_the_caller_is_told_and_afterwards_all_is_there() {
    let mongo: Mongo = testing::own().await;
    let world = World::at(mongo.database("vault")).await;
    let ada = user();
    let sealed = world.seal(&ada, "Ada").await;
    mongo.kill().await;
    let fresh = world.other(OLD).await;
    let away = read(&fresh, &ada, &sealed).await.unwrap_err();
    assert!(away.is_passing(), "{away:?}");
    assert_eq!(read(&world.vault, &ada, &sealed).await.unwrap(), "Ada", "a key that is remembered needs no server");
    mongo.restart().await.unwrap();
    let found = async || read(&fresh, &ada, &sealed).await.ok();
    assert_eq!(eventually("the key is found", Duration::from_secs(60), found).await, "Ada");
}
