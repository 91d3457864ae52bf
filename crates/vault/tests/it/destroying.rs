//! A key's end.

use schemas::{ERASED, PersonalField};
use vault::Error;

use crate::world::{NEW, OLD, World, read, user};

#[tokio::test]
async fn what_a_destroyed_key_sealed_shows_as_erased_everywhere() {
    let world = World::new().await;
    let (ada, grace) = (user(), user());
    let (hers, others) = (world.seal(&ada, "Ada").await, world.seal(&grace, "Grace").await);
    world.vault.destroy(&ada).await.unwrap();
    for vault in [&world.vault, &world.other(OLD).await] {
        assert_eq!(read(vault, &ada, &hers).await.unwrap(), ERASED);
        assert_eq!(read(vault, &grace, &others).await.unwrap(), "Grace");
    }
    let stored = world.stored().await;
    let mark = stored.iter().find(|stored| stored.get_str("_id").unwrap() == ada.as_str()).unwrap();
    assert_eq!(mark.keys().map(String::as_str).collect::<Vec<_>>(), ["_id", "destroyed"]);
}

#[tokio::test]
async fn a_destroyed_key_is_never_made_again() {
    let world = World::new().await;
    let (ada, nobody) = (user(), user());
    world.seal(&ada, "Ada").await;
    for user in [&ada, &nobody] {
        world.vault.destroy(user).await.unwrap();
        for vault in [&world.vault, &world.other(OLD).await] {
            let sealed = vault.seal(user, PersonalField::FirstName, "Ada").await;
            assert!(matches!(sealed, Err(Error::Destroyed { .. })), "{sealed:?}");
        }
    }
}

#[tokio::test]
async fn who_hears_of_an_erasure_makes_sure_that_the_key_is_gone() {
    let world = World::new().await;
    let ada = user();
    let sealed = world.seal(&ada, "Ada").await;
    world.other(OLD).await.ensure_destroyed(&ada).await.unwrap();
    assert_eq!(read(&world.other(OLD).await, &ada, &sealed).await.unwrap(), ERASED);
}

#[tokio::test]
async fn destroying_a_key_again_changes_nothing() {
    let world = World::new().await;
    let ada = user();
    world.seal(&ada, "Ada").await;
    let first = world.vault.destroy(&ada).await.unwrap();
    world.vault.ensure_destroyed(&ada).await.unwrap();
    let again = world.other(NEW).await.destroy(&ada).await.unwrap();
    assert_eq!(again.at, first.at);
    assert_eq!(world.stored().await.len(), 1);
}

#[tokio::test]
async fn the_operation_log_is_said_to_hold_the_key_for_a_while() {
    let world = World::new().await;
    let ada = user();
    world.seal(&ada, "Ada").await;
    let destroyed = world.vault.destroy(&ada).await.unwrap();
    // The log of a fresh server is nearly empty: what was written a moment ago stays in it for long.
    assert!(destroyed.in_operation_log_until.unwrap() > destroyed.at, "{destroyed:?}");
}

#[tokio::test]
async fn another_process_that_is_told_forgets_the_key_at_once() {
    let world = World::new().await;
    let ada = user();
    let sealed = world.seal(&ada, "Ada").await;
    let other = world.other(OLD).await;
    assert_eq!(read(&other, &ada, &sealed).await.unwrap(), "Ada");
    world.vault.destroy(&ada).await.unwrap();
    other.forget(&ada);
    assert_eq!(read(&other, &ada, &sealed).await.unwrap(), ERASED);
}
