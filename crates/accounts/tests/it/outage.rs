//! MongoDB goes away and comes back.

use std::time::Duration;

use accounts::{Created, Error};
use stack::servers::Mongo;
use stack::{eventually, testing};

use crate::world::{World, account};

#[tokio::test(flavor = "multi_thread")]
async fn while_mongodb_is_away_the_caller_is_told_and_afterwards_all_is_there() {
    let mongo: Mongo = testing::own().await;
    let world = World::at(&mongo.database("accounts")).await;
    let ada = account();
    assert_eq!(world.register(&ada, "ada@example.org", "correct horse battery").await.unwrap(), Created::Yes);
    mongo.kill().await;
    let away = world.accounts.find(&ada.id).await;
    assert!(matches!(away, Err(Error::Unavailable { .. })), "{away:?}");
    let away = world.log_in("ada@example.org", "correct horse battery").await;
    assert!(matches!(away, Err(Error::Unavailable { .. })), "{away:?}");
    mongo.restart().await.unwrap();
    let found = async || world.log_in("ada@example.org", "correct horse battery").await.ok().flatten();
    assert_eq!(eventually("she can log in again", Duration::from_secs(60), found).await, ada);
}
