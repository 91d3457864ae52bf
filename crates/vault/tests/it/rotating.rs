//! From one master key to the next.

use schemas::ERASED;
use vault::{Error, Wrapped};

use crate::world::{NEW, OLD, World, read, user};

#[tokio::test]
async fn after_a_rotation_the_new_master_key_alone_opens_everything() {
    let world = World::new().await;
    let users = [user(), user(), user()];
    let mut sealed = Vec::new();
    for user in &users {
        sealed.push(world.seal(user, "Ada").await);
    }
    world.vault.destroy(&users[2]).await.unwrap();

    let both = world.other(&format!("{OLD},{NEW}")).await;
    let counts = |wrapped: Vec<Wrapped>| {
        let mut counts: Vec<_> = wrapped.iter().map(|one| (one.newest, one.keys)).collect();
        counts.sort_unstable();
        counts
    };
    assert_eq!(counts(both.wrapped().await.unwrap()), [(false, 2), (true, 0)]);
    assert_eq!(both.rewrap().await.unwrap(), 2);
    assert_eq!(both.rewrap().await.unwrap(), 0);
    assert_eq!(counts(both.wrapped().await.unwrap()), [(true, 2)]);

    let new = world.other(NEW).await;
    for ((user, sealed), expected) in users.iter().zip(&sealed).zip(["Ada", "Ada", ERASED]) {
        assert_eq!(read(&new, user, sealed).await.unwrap(), expected);
    }
    let old = world.other(OLD).await;
    assert!(matches!(read(&old, &users[0], &sealed[0]).await, Err(Error::UnknownMaster { .. })));
}

#[tokio::test]
async fn a_process_with_both_keys_reads_and_seals_before_and_after() {
    let world = World::new().await;
    let (ada, grace) = (user(), user());
    let sealed = world.seal(&ada, "Ada").await;
    let both = world.other(&format!("{OLD} {NEW}")).await;
    assert_eq!(read(&both, &ada, &sealed).await.unwrap(), "Ada");
    let fresh = both.seal(&grace, schemas::PersonalField::FirstName, "Grace").await.unwrap();
    assert_eq!(read(&world.other(NEW).await, &grace, &fresh).await.unwrap(), "Grace");
}

#[tokio::test]
async fn keys_under_a_master_key_that_is_not_configured_are_counted_and_stop_a_rotation() {
    let world = World::new().await;
    world.seal(&user(), "Ada").await;
    let new = world.other(NEW).await;
    let wrapped = new.wrapped().await.unwrap();
    assert_eq!(wrapped.iter().filter(|one| !one.known).map(|one| one.keys).sum::<u64>(), 1);
    assert!(matches!(new.rewrap().await, Err(Error::UnknownMaster { .. })));
}
