//! Who gets in by password, and who has to wait.

use std::time::Duration;

use accounts::Error;
use futures::future::join_all;
use runtime::clock;

use crate::world::{World, account};

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn only_the_right_password_logs_in_and_the_address_may_be_in_any_case() {
    let world = World::new().await;
    let ada = account();
    world.register(&ada, "ada@example.org", PASSWORD).await.unwrap();
    assert_eq!(world.log_in("Ada@Example.ORG", PASSWORD).await.unwrap(), Some(ada));
    for wrong in ["", "Correct horse battery", "correct horse battery ", "{\"$gt\":\"\"}"] {
        assert_eq!(world.log_in("ada@example.org", wrong).await.unwrap(), None, "{wrong}");
    }
    assert_eq!(world.log_in("nobody@example.org", PASSWORD).await.unwrap(), None);
}

#[tokio::test]
async fn an_unknown_address_takes_as_long_as_a_wrong_password() {
    let world = World::new().await;
    world.register(&account(), "ada@example.org", PASSWORD).await.unwrap();
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for _ in 0..10 {
        for (email, fastest) in [("ada@example.org", &mut known), ("nobody@example.org", &mut unknown)] {
            let started = clock::monotonic();
            world.log_in(email, "wrong horse battery").await.unwrap();
            *fastest = started.elapsed().min(*fastest);
        }
    }
    // The hash outweighs everything else by far; other tests run beside this one.
    assert!(unknown > known / 4 && unknown < known * 4, "known {known:?}, unknown {unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_wrong_passwords_a_minute_are_heard_for_known_and_unknown_addresses_also_when_sent_at_once() {
    let world = World::new().await;
    world.register(&account(), "ada@example.org", PASSWORD).await.unwrap();
    for email in ["ada@example.org", "nobody@example.org"] {
        let all = join_all((0..40).map(|_| insist(&world, email, "wrong horse battery"))).await;
        let heard = all.iter().filter(|tried| matches!(tried, Ok(None))).count();
        let told = all.iter().filter(|tried| matches!(tried, Err(Error::Throttled { retry_after: 1..=60 }))).count();
        assert_eq!((heard, told), (30, 10), "{email}");
        assert!(matches!(insist(&world, email, PASSWORD).await, Err(Error::Throttled { .. })));
    }
}

/// Comes back as long as there is no room, which is nobody's attempt: the machine may be slow.
async fn insist(world: &World, email: &str, password: &str) -> Result<Option<accounts::Account>, Error> {
    loop {
        match world.log_in(email, password).await {
            Err(Error::Busy) => tokio::task::yield_now().await,
            outcome => return outcome,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_passwords_than_can_wait_are_refused_at_once_and_the_others_are_served() {
    let world = World::new().await;
    let tries: Vec<_> = (0..200).map(|number| (format!("{number}@example.org"), PASSWORD)).collect();
    let all = join_all(tries.iter().map(|(email, password)| world.log_in(email, password))).await;
    let served = all.iter().filter(|tried| matches!(tried, Ok(None))).count();
    let refused = all.iter().filter(|tried| matches!(tried, Err(Error::Busy))).count();
    assert_eq!(served + refused, 200, "{all:?}");
    assert!(served > 0 && refused > 0, "{served} served, {refused} refused");
    assert_eq!(world.log_in("0@example.org", PASSWORD).await.unwrap(), None);
}
