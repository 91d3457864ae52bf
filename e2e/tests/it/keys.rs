//! The key that signs access tokens is replaced while everything runs.

use std::time::Duration;

use e2e::client::{LoggedIn, Request};
use serde_json::Value;
use stack::eventually;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rotation_new_tokens_are_accepted_at_once_and_old_ones_go_on_without_a_restart() {
    let world = World::enter().await;
    let name = World::name("rotated");
    let old = world.gateway.user(&name).await;
    assert_eq!(published(&world).await.iter().filter(|kid| **kid == kid_of(&old)).count(), 1);
    world.system.rotate_keys().expect("a rotation");
    let new = eventually("tokens are signed with the new key", Duration::from_secs(30), async || {
        let new = world.gateway.log_in(&format!("{name}@example.com"), "correct horse battery").await;
        (kid_of(&new) != kid_of(&old)).then_some(new)
    })
    .await;
    for user in [&new, &old] {
        // Two instances of each service answer in turn.
        for _ in 0..4 {
            let _ = world.gateway.get("/queries/orders", Request::by(user)).await.expect(200);
            let _ = world.gateway.post("/ws/tickets", Request::by(user)).await.expect(201);
            let cancel = "/commands/orders/ord_00000000000000000000000000000000/cancel";
            let _ = world.gateway.post(cancel, Request::by(user)).await.expect(404);
        }
    }
    let published = published(&world).await;
    assert!(published.contains(&kid_of(&old)) && published.contains(&kid_of(&new)), "{published:?}");
    let refreshed = LoggedIn::by(&world.gateway.refresh(&old.refresh).await.expect(200));
    let _ = world.gateway.get("/queries/orders", Request::by(&refreshed)).await.expect(200);
}

/// The name of the key that signed a user's token.
pub(crate) fn kid_of(user: &LoggedIn) -> String {
    jsonwebtoken::decode_header(&user.token).expect("a token").kid.expect("a kid")
}

/// The names of the published keys.
pub(crate) async fn published(world: &World) -> Vec<String> {
    let answer = world.gateway.get("/.well-known/jwks.json", Request::default()).await.expect(200);
    let keys = answer.body.get("keys").and_then(Value::as_array).expect("keys");
    keys.iter().filter_map(|key| key.get("kid").and_then(Value::as_str)).map(str::to_owned).collect()
}
