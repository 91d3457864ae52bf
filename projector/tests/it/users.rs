//! Users: sealed in the log, in clear in the view, and gone when they are erased.

use read_model::Document;
use schemas::{
    AnyEvent, ERASED, PersonalField, Recorded, Role, Sealed, StreamId, UserErased, UserEvent, UserId,
    UserProfileChanged, UserRegistered,
};
use serde_json::Value;
use stack::servers::Kafka;
use stack::testing::{self, eventually};
use uuid::Uuid;
use vault::Vault;

use crate::world::{SOON, World, prepared, recorded, shared};

fn user() -> UserId {
    UserId::from_bits(Uuid::new_v4().as_u128())
}

async fn sealed(vault: &Vault, user: &UserId, field: PersonalField, clear: &str) -> Sealed {
    let sealed = vault.seal(user, field, clear).await.unwrap();
    Sealed::parse(sealed.as_str()).unwrap()
}

async fn registered(vault: &Vault, user: &UserId, first: &str) -> Recorded<AnyEvent> {
    let event = UserRegistered {
        email: sealed(vault, user, PersonalField::Email, &format!("{user}@example.org")).await,
        first_name: sealed(vault, user, PersonalField::FirstName, first).await,
        last_name: sealed(vault, user, PersonalField::LastName, "Lovelace").await,
        role: Role::User,
    };
    recorded(user.stream(), 1, UserEvent::Registered(event))
}

async fn renamed(vault: &Vault, user: &UserId, first: &str) -> Recorded<AnyEvent> {
    let first_name = Some(sealed(vault, user, PersonalField::FirstName, first).await);
    recorded(
        user.stream(),
        2,
        UserEvent::ProfileChanged(UserProfileChanged { email: None, first_name, last_name: None }),
    )
}

fn erased(user: &UserId, version: u32) -> Recorded<AnyEvent> {
    recorded(user.stream(), version, UserEvent::Erased(UserErased { erased_by: UserId::from_bits(9) }))
}

/// The document of this user at this version.
async fn document(world: &World, stream: &StreamId, version: u32) -> Document {
    eventually("the view has come so far", SOON, async || {
        let found = world.reader.document("users", stream).await.ok().flatten()?;
        (found.version.0 == version).then_some(found)
    })
    .await
}

fn first_name(document: &Document) -> Option<String> {
    let body: Value = serde_json::from_slice(document.body.as_deref()?).unwrap();
    body["firstName"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_view_shows_in_clear_what_the_log_holds_sealed() {
    let world = World::new(shared().await).await;
    let (vault, ada) = (world.vault().await, user());
    let running = world.project("one", "users");
    world.publish(&[registered(&vault, &ada, "Ada").await, renamed(&vault, &ada, "Augusta").await]).await;
    assert_eq!(first_name(&document(&world, ada.stream(), 2).await).as_deref(), Some("Augusta"));
    let found = world.reader.find("users", "search", ada.as_str(), 20).await.unwrap();
    assert_eq!(found.iter().map(|found| found.version.0).collect::<Vec<_>>(), [2]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_of_which_only_the_event_is_left_destroys_the_key_and_empties_the_view() {
    let world = World::new(shared().await).await;
    let (vault, ada, grace) = (world.vault().await, user(), user());
    let running = world.project("one", "users");
    let first = registered(&vault, &ada, "Ada").await;
    world.publish(&[first.clone(), registered(&vault, &grace, "Grace").await, erased(&ada, 2)]).await;
    assert_eq!(document(&world, ada.stream(), 2).await.body, None);
    document(&world, grace.stream(), 1).await;
    for (user, found) in [(&ada, 0), (&grace, 1)] {
        assert_eq!(world.reader.find("users", "search", user.as_str(), 20).await.unwrap().len(), found, "{user}");
    }
    let AnyEvent::User(UserEvent::Registered(mut event)) = first.event.clone() else { unreachable!() };
    let elsewhere = world.vault().await;
    elsewhere.open(&ada, PersonalField::FirstName, &mut event.first_name).await.unwrap();
    assert_eq!(event.first_name.clear(), Some(ERASED));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_erased_users_is_projected_from_its_start_and_shows_the_others() {
    let world = World::new(shared().await).await;
    let (vault, ada, grace) = (world.vault().await, user(), user());
    world.publish(&[registered(&vault, &ada, "Ada").await, registered(&vault, &grace, "Grace").await]).await;
    world.publish(&[renamed(&vault, &ada, "Augusta").await, erased(&ada, 3)]).await;
    vault.destroy(&ada).await.unwrap();
    let running = world.project("one", "users");
    assert_eq!(first_name(&document(&world, grace.stream(), 1).await).as_deref(), Some("Grace"));
    assert_eq!(document(&world, ada.stream(), 3).await.body, None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sealed_for_somebody_else_parks_its_user_only() {
    let kafka: Kafka = testing::own().await;
    let world = World::new(prepared(kafka.url()).await).await;
    let (vault, ada, mallory) = (world.vault().await, user(), user());
    let hers = registered(&vault, &ada, "Ada").await;
    sealed(&vault, &mallory, PersonalField::Email, "mallory@example.org").await;
    let AnyEvent::User(event) = hers.event.clone() else { unreachable!() };
    let running = world.project("one", "users");
    world.publish(&[recorded(mallory.stream(), 1, event), hers]).await;
    document(&world, ada.stream(), 1).await;
    let parked = eventually("the other is parked", SOON, async || {
        world.read_model.parked(&world.views_of("users")).await.ok()?.pop()
    })
    .await;
    assert_eq!((&parked.stream, parked.entry.cause), (mallory.stream(), read_model::Cause::Sealed));
    assert!(parked.entry.reason.contains("does not open") && !parked.entry.reason.contains("Ada"), "{parked:?}");
    running.stop().await;
}
