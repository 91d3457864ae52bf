//! What is sealed opens for its own user and field, and lies nowhere in clear.

use futures::future::join_all;
use schemas::{PersonalField, Sealed};
use vault::Error;

use crate::world::{OLD, World, read, user};

#[tokio::test]
async fn what_one_process_seals_another_one_opens() {
    let world = World::new().await;
    let ada = user();
    let other = world.other(OLD).await;
    for field in PersonalField::ALL {
        let sealed = world.vault.seal(&ada, field, "Ada Lovelace, ada@example.org").await.unwrap();
        assert_eq!(sealed.clear(), Some("Ada Lovelace, ada@example.org"));
        let mut received = Sealed::parse(sealed.as_str()).unwrap();
        other.open(&ada, field, &mut received).await.unwrap();
        assert_eq!(received.clear(), Some("Ada Lovelace, ada@example.org"));
    }
}

#[tokio::test]
async fn another_user_or_another_field_does_not_open_it() {
    let world = World::new().await;
    let (ada, grace) = (user(), user());
    let sealed = world.seal(&ada, "Ada").await;
    world.seal(&grace, "Grace").await;
    assert!(matches!(read(&world.vault, &grace, &sealed).await, Err(Error::NotAuthentic { user }) if user == grace));
    for field in [PersonalField::Email, PersonalField::LastName] {
        let opened = world.vault.open(&ada, field, &mut sealed.clone()).await;
        assert!(matches!(opened, Err(Error::NotAuthentic { .. })), "{field:?}");
    }
    for text in ["AQ", "AAAA", &sealed.as_str()[1..]] {
        let mut wrong = Sealed::parse(text).unwrap();
        let opened = world.vault.open(&ada, PersonalField::FirstName, &mut wrong).await;
        assert!(matches!(opened, Err(Error::NotAuthentic { .. })), "{text}");
    }
}

#[tokio::test]
async fn a_user_without_a_key_is_an_alarm_and_not_an_erased_one() {
    let world = World::new().await;
    let sealed = world.seal(&user(), "Ada").await;
    let stranger = user();
    assert!(matches!(read(&world.vault, &stranger, &sealed).await, Err(Error::NoKey { user }) if user == stranger));
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_seal_for_a_new_user_at_once_use_one_key() {
    let world = World::new().await;
    let processes = join_all((0..8).map(|_| world.other(OLD))).await;
    let ada = user();
    let all = join_all(processes.iter().map(|vault| vault.seal(&ada, PersonalField::FirstName, "Ada"))).await;
    let late = world.other(OLD).await;
    for sealed in all {
        assert_eq!(read(&late, &ada, &sealed.unwrap()).await.unwrap(), "Ada");
    }
    assert_eq!(world.stored().await.len(), 1);
}

#[tokio::test]
async fn neither_a_key_nor_what_it_seals_is_stored_in_clear() {
    let world = World::new().await;
    let ada = user();
    let sealed = world.seal(&ada, "Canary").await;
    let stored = world.stored().await;
    assert_eq!(stored.len(), 1);
    let fields: Vec<_> = stored[0].keys().map(String::as_str).collect();
    assert_eq!(fields, ["_id", "master", "key", "at"]);
    // A byte for the format, the nonce, the key, the tag.
    assert_eq!(stored[0].get_binary_generic("key").unwrap().len(), 1 + 12 + 32 + 16);
    let everything = format!("{stored:?} {sealed}");
    assert!(!everything.contains("Canary") && !everything.contains(OLD), "{everything}");
}
