//! Passwords of accounts that exist: shown to be known, replaced, given for one time.

use accounts::{Account, Error, ONE_TIME_LIFETIME, Password, Proven, Replaced};
use futures::future::join_all;
use runtime::Secret;
use schemas::Timestamp;

use crate::changes::committed;
use crate::world::{World, account};

const PASSWORD: &str = "correct horse battery";
const EMAIL: &str = "ada@example.org";
const LATER: Timestamp = Timestamp::from_micros(2_000_000_000_000_000);

async fn registered(world: &World) -> Account {
    let ada = account();
    world.register(&ada, EMAIL, PASSWORD).await.unwrap();
    ada
}

async fn proven(world: &World, ada: &Account, password: &str) -> Option<Proven> {
    world.accounts.prove(&ada.id, &Secret::from(password)).await.unwrap()
}

async fn replaced(world: &World, proven: &Proven, new: &str) -> Replaced {
    let hash = world.accounts.hash(&Password::parse(new).unwrap()).await.unwrap();
    let replace = async |session: &mut _| world.accounts.replace_password(session, proven, &hash).await;
    committed(world, replace).await.unwrap()
}

#[tokio::test]
async fn whoever_shows_the_password_replaces_it_and_only_the_new_one_logs_in() {
    let world = World::new().await;
    let ada = registered(&world).await;
    assert!(proven(&world, &ada, "wrong horse battery").await.is_none());
    assert!(proven(&world, &account(), PASSWORD).await.is_none(), "nobody has no password");
    let shown = proven(&world, &ada, PASSWORD).await.unwrap();
    assert_eq!(replaced(&world, &shown, "better horse battery").await, Replaced::Yes);
    assert_eq!(world.log_in(EMAIL, PASSWORD).await.unwrap(), None);
    assert_eq!(world.log_in(EMAIL, "better horse battery").await.unwrap(), Some(ada));
    assert_eq!(replaced(&world, &shown, "third horse battery").await, Replaced::Outdated);
    assert_eq!(world.log_in(EMAIL, "third horse battery").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_replacements_of_one_password_at_once_one_takes_effect() {
    let world = World::new().await;
    let ada = registered(&world).await;
    let shown = proven(&world, &ada, PASSWORD).await.unwrap();
    let new: Vec<_> = (0..8).map(|number| format!("horse battery {number}")).collect();
    let all = join_all(new.iter().map(|new| replaced(&world, &shown, new))).await;
    let winners: Vec<_> = new.iter().zip(&all).filter(|(_, replaced)| **replaced == Replaced::Yes).collect();
    assert_eq!(winners.len(), 1, "{all:?}");
    assert!(world.log_in(EMAIL, winners[0].0).await.unwrap().is_some());
}

#[tokio::test]
async fn wrong_passwords_of_who_is_logged_in_and_of_who_logs_in_are_counted_apart() {
    let world = World::new().await;
    let ada = registered(&world).await;
    for _ in 0..30 {
        assert_eq!(world.log_in(EMAIL, "wrong horse battery").await.unwrap(), None);
    }
    let next = world.log_in(EMAIL, PASSWORD).await;
    assert!(matches!(next, Err(Error::Throttled { .. })), "{next:?}");
    assert!(proven(&world, &ada, PASSWORD).await.is_some(), "a stranger keeps nobody from changing the password");
    for _ in 0..30 {
        assert!(proven(&world, &ada, "wrong horse battery").await.is_none());
    }
    let next = world.accounts.prove(&ada.id, &Secret::from(PASSWORD)).await;
    assert!(matches!(next, Err(Error::Throttled { .. })), "{next:?}");
}

#[tokio::test]
async fn a_password_for_one_time_voids_the_other_says_until_when_it_is_good_and_is_replaced_like_any() {
    let world = World::new().await;
    let ada = registered(&world).await;
    let once = Password::one_time().unwrap();
    let hash = world.accounts.hash(&once).await.unwrap();
    let give = async |session: &mut _| world.accounts.give_one_time_password(session, &ada.id, &hash, LATER).await;
    committed(&world, give).await.unwrap();
    assert_eq!(world.log_in(EMAIL, PASSWORD).await.unwrap(), None);
    let lifetime = i64::try_from(ONE_TIME_LIFETIME.as_micros()).unwrap();
    let until = Some(Timestamp::from_micros(LATER.as_micros() + lifetime));
    let found = world.log_in(EMAIL, once.expose()).await.unwrap();
    assert_eq!(found.map(|found| found.one_time_until), Some(until));
    let shown = proven(&world, &ada, once.expose()).await.unwrap();
    assert_eq!(replaced(&world, &shown, "better horse battery").await, Replaced::Yes);
    let found = world.log_in(EMAIL, "better horse battery").await.unwrap();
    assert_eq!(found.map(|found| found.one_time_until), Some(None));
    assert_ne!(Password::one_time().unwrap().expose(), once.expose());
}
