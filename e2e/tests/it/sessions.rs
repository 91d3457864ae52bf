//! Who may, and who no longer may.

#![expect(clippy::print_stdout, reason = "how soon it was is worth reading")]

use std::time::Duration;

use e2e::client::{Answer, LoggedIn, Request, order_of};
use e2e::socket::{Received, Socket};
use futures::future::join_all;
use runtime::clock;
use stack::eventually;
use stack::testing::full;

use crate::world::World;

/// Seen to fail when processes forget who logged out (`sessions-forget-log-outs`).
#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_token_everywhere_and_closes_the_socket() {
    let world = World::enter().await;
    let user = world.gateway.user(&World::name("leaver")).await;
    let mut socket = Socket::open(&world.gateway, world.system.gateway(), &user, None).await.expect("a socket");
    let _ = world.gateway.post("/api/v1/users/logout", Request::by(&user)).await.expect(204);
    let (code, ()) = tokio::join!(closed(&mut socket), ended_everywhere(&world, &user));
    assert_eq!(code, Some(4003));
    refused(&world.gateway.refresh(&user.refresh).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_good_once_and_one_that_is_shown_again_ends_the_session() {
    let world = World::enter().await;
    let first = world.gateway.user(&World::name("refresher")).await;
    let second = LoggedIn::by(&world.gateway.refresh(&first.refresh).await.expect(200));
    assert_eq!(second.id, first.id);
    for user in [&first, &second] {
        let _ = world.gateway.get("/queries/orders", Request::by(user)).await.expect(200);
    }
    refused(&world.gateway.refresh(&first.refresh).await);
    refused(&world.gateway.refresh(&second.refresh).await);
    ended_everywhere(&world, &first).await;
    ended_everywhere(&world, &second).await;
    refused(&world.gateway.refresh("0".repeat(64).as_str()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_refreshes_with_one_token_at_once_one_gets_new_tokens() {
    let world = World::enter().await;
    let user = world.gateway.user(&World::name("refresher")).await;
    let all = join_all((0..8).map(|_| world.gateway.refresh(&user.refresh))).await;
    let statuses: Vec<_> = all.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 7, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_everywhere_ends_every_session_and_its_refresh_token() {
    let world = World::enter().await;
    let name = World::name("everywhere");
    let one = world.gateway.user(&name).await;
    let other = world.gateway.log_in(&format!("{name}@example.com"), "correct horse battery").await;
    let everywhere = Request::by(&one).json(serde_json::json!({ "everywhere": true }));
    let _ = world.gateway.post("/api/v1/users/logout", everywhere).await.expect(204);
    for user in [&one, &other] {
        ended_everywhere(&world, user).await;
        refused(&world.gateway.refresh(&user.refresh).await);
    }
}

/// How soon what ends a session is known everywhere, as `docs/compatibility.md` says. Only the full run is held to it: in
/// any other the machine may be busy with something else.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How long it may take then.
const PATIENCE: Duration = Duration::from_secs(60);

/// The code with which a socket is closed. To be asked right after whatever ends the session: how long it takes from here
/// on is shown, and in the full run judged.
pub(crate) async fn closed(socket: &mut Socket) -> Option<u16> {
    let began = clock::monotonic();
    loop {
        match socket.next(PATIENCE).await.expect("the end of the socket") {
            Received::Frame(_) => {}
            Received::Closed(code) => {
                check_that_it_was_at_once(&format!("the socket is closed with {code:?}"), began.elapsed());
                return code;
            }
        }
    }
}

/// Two instances of each service answer in turn: all of them must have heard. To be asked right after whatever ends the
/// session: how long it takes from here on is shown, and in the full run judged.
pub(crate) async fn ended_everywhere(world: &World, user: &LoggedIn) {
    let began = clock::monotonic();
    let ended = join_all(["/queries/orders", "/commands/orders", "/ws/tickets"].map(async |path| {
        eventually("every instance refuses the token", PATIENCE, async || {
            for _ in 0..4 {
                if asked(world, user, path).await.status != 401 {
                    return None;
                }
            }
            Some(())
        })
        .await;
        check_that_it_was_at_once(&format!("{path} answers 401"), began.elapsed());
    }));
    let _ = ended.await;
}

async fn asked(world: &World, user: &LoggedIn, path: &str) -> Answer {
    let request = Request::by(user);
    match path {
        "/queries/orders" => world.gateway.get(path, request).await,
        "/commands/orders" => world.gateway.post(path, request.json(order_of(user, "NONE", 1))).await,
        _ => world.gateway.post(path, request).await,
    }
}

/// Shows how long it took until it was so.
fn check_that_it_was_at_once(what: &str, took: Duration) {
    println!("{what} after {took:?}");
    assert!(!full() || took <= AT_ONCE, "{what} only after {took:?}");
}

/// The refresh token is not good.
pub(crate) fn refused(answer: &Answer) {
    let code = answer.body.get("code").and_then(serde_json::Value::as_str);
    assert_eq!((answer.status.as_u16(), code), (401, Some("invalid_refresh_token")), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_order_does_not_exist_and_only_admins_run_the_shop() {
    let world = World::enter().await;
    let sku = World::name("OWNED");
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let (owner, other) =
        (world.gateway.user(&World::name("owner")).await, world.gateway.user(&World::name("other")).await);
    let place = Request::by(&owner).json(order_of(&owner, &sku, 1));
    let placed = world.gateway.post("/commands/orders", place).await.expect(201);
    let (id, token) = (placed.text("orderId"), placed.text("consistencyToken"));
    let read = |request: Request| request.with("consistency-token", &token);
    let path = format!("/queries/orders/{id}");
    let _ = world.gateway.get(&path, read(Request::by(&owner))).await.expect(200);
    let _ = world.gateway.get(&path, read(Request::by(&world.admin))).await.expect(200);
    let _ = world.gateway.get(&path, read(Request::by(&other))).await.expect(404);
    let _ = world.gateway.get(&path, read(Request::default())).await.expect(401);
    let _ = world.gateway.post(&format!("/commands/orders/{id}/cancel"), Request::by(&other)).await.expect(404);
    let _ =
        world.gateway.post("/commands/orders", Request::by(&other).json(order_of(&owner, &sku, 1))).await.expect(403);
    let _ = world.gateway.get(&format!("/queries/orders?userId={}", owner.id), Request::by(&other)).await.expect(403);
    let price = serde_json::json!({ "amount": 1, "currency": "EUR" });
    let change = Request::by(&other).json(price);
    let _ = world.gateway.post(&format!("/commands/products/{sku}/price"), change).await.expect(403);
}
