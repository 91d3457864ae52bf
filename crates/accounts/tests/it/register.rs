//! One account per e-mail address, whatever happens at the same time.

use accounts::{Created, Error};
use bson::{Document, doc};
use futures::TryStreamExt;
use futures::future::join_all;

use crate::world::{World, account, address};

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn an_account_is_found_by_its_user_and_by_its_address() {
    let world = World::new().await;
    let ada = account();
    assert_eq!(world.register(&ada, " Ada@Example.org ", PASSWORD).await.unwrap(), Created::Yes);
    assert_eq!(world.accounts.find(&ada.id).await.unwrap(), Some(ada.clone()));
    assert_eq!(world.accounts.owner(&address("ADA@example.org")).await.unwrap(), Some(ada.id));
    assert_eq!(world.accounts.find(&account().id).await.unwrap(), None);
}

#[tokio::test]
async fn an_address_is_taken_in_any_case_of_letters() {
    let world = World::new().await;
    world.register(&account(), "ada@example.org", PASSWORD).await.unwrap();
    let second = account();
    assert_eq!(world.register(&second, "ADA@EXAMPLE.ORG", PASSWORD).await.unwrap(), Created::EmailTaken);
    assert_eq!(world.accounts.find(&second.id).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_registrations_at_once_one_gets_the_address_and_the_others_hear_that_it_is_taken() {
    let world = World::new().await;
    for round in 0..5 {
        let email = format!("ada{round}@example.org");
        let all =
            join_all((0..16).map(|_| async { world.register(&account(), &email, PASSWORD).await.unwrap() })).await;
        assert_eq!(all.iter().filter(|created| **created == Created::Yes).count(), 1, "{all:?}");
    }
}

#[tokio::test]
async fn a_registration_that_is_not_committed_takes_nothing() {
    let world = World::new().await;
    let (first, second) = (account(), account());
    let hash = runtime::Secret::from("$argon2id$");
    let mut session = world.transaction().await;
    assert_eq!(
        world.accounts.create(&mut session, &first, &address("ada@example.org"), &hash).await.unwrap(),
        Created::Yes
    );
    let waiting = world.register(&second, "ada@example.org", PASSWORD).await;
    assert!(matches!(waiting, Err(Error::Unavailable { .. })), "{waiting:?}");
    session.abort_transaction().await.unwrap();
    assert_eq!(world.register(&second, "ada@example.org", PASSWORD).await.unwrap(), Created::Yes);
    assert_eq!(world.accounts.find(&first.id).await.unwrap(), None);
}

#[tokio::test]
async fn neither_the_password_nor_the_address_can_be_read() {
    let world = World::new().await;
    world.register(&account(), "ada@example.org", PASSWORD).await.unwrap();
    let database = world.client.default_database().unwrap();
    let read = async |name: &str| -> Vec<Document> {
        database.collection::<Document>(name).find(doc! {}).await.unwrap().try_collect().await.unwrap()
    };
    let (accounts, emails) = (read("accounts").await, read("emails").await);
    assert_eq!((accounts.len(), emails.len()), (1, 1));
    let everything = format!("{accounts:?} {emails:?}");
    assert!(!everything.contains(PASSWORD) && !everything.contains("ada@"), "{everything}");
    assert!(accounts[0].get_str("passwordHash").unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
}
