//! Another address, and the end of an account.

use accounts::{Account, Changed, Dismissed, Error, Removed};
use futures::future::join_all;
use schemas::{Timestamp, UserId};

use crate::world::{World, account, address};

const PASSWORD: &str = "correct horse battery";
const LATER: Timestamp = Timestamp::from_micros(2_000_000_000_000_000);

/// A transaction that changes something, begun anew while another one is in its way.
pub(crate) async fn committed<T>(
    world: &World,
    change: impl AsyncFn(&mut mongodb::ClientSession) -> Result<T, Error>,
) -> Result<T, Error> {
    loop {
        let mut session = world.transaction().await;
        match change(&mut session).await {
            Ok(done) => match session.commit_transaction().await {
                Ok(()) => return Ok(done),
                Err(error) if error.contains_label("TransientTransactionError") => {}
                Err(error) => unreachable!("{error}"),
            },
            Err(Error::Contended) => {}
            Err(error) => return Err(error),
        }
    }
}

async fn moves(world: &World, user: &UserId, email: &str) -> Changed {
    let email = address(email);
    let change = async |session: &mut _| world.accounts.change(session, user, Some(&email), LATER).await;
    committed(world, change).await.unwrap()
}

async fn removed(world: &World, user: &UserId) -> Removed {
    committed(world, async |session| world.accounts.remove(session, user).await).await.unwrap()
}

async fn appointed(world: &World) -> Account {
    let admin = account();
    committed(world, async |session| world.accounts.appoint(session, &admin.id).await).await.unwrap();
    admin
}

#[tokio::test]
async fn with_another_address_the_old_one_is_free_and_the_new_one_logs_in() {
    let world = World::new().await;
    let (ada, grace) = (account(), account());
    world.register(&ada, "ada@example.org", PASSWORD).await.unwrap();
    assert_eq!(moves(&world, &ada.id, "countess@example.org").await, Changed::Yes);
    let moved = Account { updated_at: LATER, ..ada.clone() };
    assert_eq!(world.log_in("countess@example.org", PASSWORD).await.unwrap(), Some(moved));
    assert_eq!(world.log_in("ada@example.org", PASSWORD).await.unwrap(), None);
    world.register(&grace, "ada@example.org", PASSWORD).await.unwrap();
    assert_eq!(world.log_in("ada@example.org", PASSWORD).await.unwrap(), Some(grace));
}

#[tokio::test]
async fn an_address_of_somebody_else_is_refused_and_ones_own_is_kept() {
    let world = World::new().await;
    let (ada, grace) = (account(), account());
    world.register(&ada, "ada@example.org", PASSWORD).await.unwrap();
    world.register(&grace, "grace@example.org", PASSWORD).await.unwrap();
    assert_eq!(moves(&world, &grace.id, "ADA@example.org").await, Changed::EmailTaken);
    assert_eq!(moves(&world, &ada.id, "Ada@Example.org").await, Changed::Yes);
    assert_eq!(world.accounts.owner(&address("ada@example.org")).await.unwrap(), Some(ada.id));
    assert_eq!(world.accounts.owner(&address("grace@example.org")).await.unwrap(), Some(grace.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_address_at_once_one_gets_it() {
    let world = World::new().await;
    let everybody: Vec<_> = (0..8).map(|_| account()).collect();
    for (number, one) in everybody.iter().enumerate() {
        world.register(one, &format!("{number}@example.org"), PASSWORD).await.unwrap();
    }
    let all = join_all(everybody.iter().map(|one| moves(&world, &one.id, "wanted@example.org"))).await;
    assert_eq!(all.iter().filter(|changed| **changed == Changed::Yes).count(), 1, "{all:?}");
    let winner = all.iter().position(|changed| *changed == Changed::Yes).unwrap();
    let owner = world.accounts.owner(&address("wanted@example.org")).await.unwrap();
    assert_eq!(owner, Some(everybody[winner].id.clone()));
    let freed = world.accounts.owner(&address(&format!("{winner}@example.org"))).await.unwrap();
    assert_eq!(freed, None);
}

#[tokio::test]
async fn nobody_logs_in_to_a_removed_account_and_its_address_is_free() {
    let world = World::new().await;
    let ada = account();
    world.register(&ada, "ada@example.org", PASSWORD).await.unwrap();
    for _ in 0..2 {
        assert_eq!(removed(&world, &ada.id).await, Removed::Yes);
        assert_eq!(world.log_in("ada@example.org", PASSWORD).await.unwrap(), None);
        assert_eq!(world.accounts.find(&ada.id).await.unwrap(), None);
        assert_eq!(world.accounts.owner(&address("ada@example.org")).await.unwrap(), None);
    }
    let second = account();
    world.register(&second, "ada@example.org", PASSWORD).await.unwrap();
    assert_eq!(removed(&world, &ada.id).await, Removed::Yes);
    assert_eq!(world.log_in("ada@example.org", PASSWORD).await.unwrap(), Some(second));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_is_left_also_when_all_of_them_are_removed_at_once() {
    for _ in 0..5 {
        let world = World::new().await;
        let admins = [appointed(&world).await, appointed(&world).await, appointed(&world).await];
        let all = join_all(admins.iter().map(|admin| removed(&world, &admin.id))).await;
        let left: Vec<_> = all.iter().filter(|removed| **removed == Removed::LastAdmin).collect();
        assert_eq!(left.len(), 1, "{all:?}");
    }
}

#[tokio::test]
async fn an_admin_may_go_when_another_one_came() {
    let world = World::new().await;
    let first = appointed(&world).await;
    assert_eq!(removed(&world, &first.id).await, Removed::LastAdmin);
    let second = appointed(&world).await;
    assert_eq!(removed(&world, &first.id).await, Removed::Yes);
    let dismissed = async |session: &mut _| world.accounts.dismiss(session, &first.id).await;
    assert_eq!(committed(&world, dismissed).await.unwrap(), Dismissed::NoAdmin);
    assert_eq!(removed(&world, &second.id).await, Removed::LastAdmin);
}
