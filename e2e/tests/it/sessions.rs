//! Who may, and who no longer may.

use std::time::Duration;

use e2e::client::{Request, order_of};
use e2e::socket::{Received, Socket};
use stack::eventually;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_token_everywhere_and_closes_the_socket() {
    let world = World::enter().await;
    let user = world.gateway.user(&World::name("leaver")).await;
    let mut socket = Socket::open(&world.gateway, world.system.gateway(), &user, None).await.expect("a socket");
    let _ = world.gateway.post("/api/v1/users/logout", Request::by(&user)).await.expect(204);
    let closed = async {
        loop {
            match socket.next(Duration::from_secs(10)).await.expect("the end of the socket") {
                Received::Frame(_) => {}
                Received::Closed(code) => return code,
            }
        }
    };
    assert_eq!(closed.await, Some(4003));
    // Two instances of each service answer in turn: all of them must have heard.
    for path in ["/queries/orders", "/commands/orders", "/ws/tickets"] {
        eventually("every instance refuses the token", Duration::from_secs(10), async || {
            for _ in 0..4 {
                let answer = match path {
                    "/queries/orders" => world.gateway.get(path, Request::by(&user)).await,
                    "/commands/orders" => {
                        world.gateway.post(path, Request::by(&user).json(order_of(&user, "NONE", 1))).await
                    }
                    _ => world.gateway.post(path, Request::by(&user)).await,
                };
                if answer.status.as_u16() != 401 {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }
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
