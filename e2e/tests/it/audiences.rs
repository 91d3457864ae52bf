//! Who watches what, through the gateway: everybody the catalogue, admins the shop.

use e2e::client::{LoggedIn, Request};
use e2e::socket::Socket;
use schemas::Sku;
use serde_json::{Value, json};

use crate::fulfilment::{place, product, receive};
use crate::journey::frame;
use crate::sessions::closed;
use crate::standing::change_role;
use crate::world::World;

/// Reads states of this stream, in which nothing may go back, until one satisfies.
async fn state(socket: &mut Socket, stream: &str, satisfies: impl Fn(&Value) -> bool) -> Value {
    let mut known = (0, 0);
    loop {
        let state = frame(socket, "snapshot").await;
        if state.get("stream") == Some(&json!(stream)) {
            let version = |path: &str| state.pointer(path).and_then(Value::as_u64).unwrap_or_default();
            let versions = (version("/version"), version("/joined/version"));
            assert!(versions.0 >= known.0 && versions.1 >= known.1, "{state} after {known:?}");
            known = versions;
            if satisfies(&state) {
                return state;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_is_shown_as_it_is_and_then_as_it_changes() {
    let world = World::enter().await;
    let sku = product(&world, "WATCHED", 5).await;
    let user = world.gateway.user(&World::name("watcher")).await;
    let stream = Sku::parse(&sku).expect("a SKU").product().to_string();
    let watch = async || Socket::watch(&world.gateway, world.system.gateway(), &user, "catalogue").await;
    let mut socket = watch().await.expect("a socket");
    let hello = frame(&mut socket, "hello").await;
    assert_eq!(hello.get("recovered"), Some(&json!(false)), "{hello}");
    let shows = |price: u64, available: u64| {
        move |state: &Value| {
            state.pointer("/data/price/amount") == Some(&json!(price))
                && state.pointer("/data/available") == Some(&json!(available))
        }
    };
    let first = state(&mut socket, &stream, shows(250, 5)).await;
    assert_eq!(first.get("version"), Some(&json!(1)));

    let change = Request::by(&world.admin).json(json!({ "amount": 199, "currency": "EUR" }));
    let _ = world.gateway.post(&format!("/commands/products/{sku}/price"), change).await.expect(200);
    receive(&world, &sku, 7).await;
    let newest = state(&mut socket, &stream, shows(199, 12)).await;
    assert_eq!((newest.get("version"), newest.pointer("/joined/version")), (Some(&json!(2)), Some(&json!(2))));
    drop(socket);

    // The other instance, or the same one: whoever comes is shown what is there.
    for _ in 0..2 {
        let shown = state(&mut watch().await.expect("a socket"), &stream, shows(199, 12)).await;
        assert_eq!(shown, newest);
    }
    let _ = world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_watches_an_order_being_paid_until_he_is_no_admin_any_more() {
    let world = World::enter().await;
    let sku = product(&world, "OPERATED", 5).await;
    let (user, name) = (world.gateway.user(&World::name("customer")).await, World::name("operator"));
    let watch = async |who: &LoggedIn| Socket::watch(&world.gateway, world.system.gateway(), who, "operators").await;
    let refused = watch(&user).await.err();
    assert!(refused.as_ref().is_some_and(|reason| reason.contains("403")), "{refused:?}");

    let before = world.gateway.user(&name).await;
    let _ = change_role(&world, &world.admin, &before, true).await.expect(200);
    let deputy = world.gateway.log_in(&format!("{name}@example.com"), "correct horse battery").await;
    let mut socket = watch(&deputy).await.expect("a socket");
    let _ = frame(&mut socket, "hello").await;
    let order = place(&world, &user, &sku, "pm_card_visa").await;
    let status = |wanted: &'static str| move |state: &Value| state.pointer("/data/status") == Some(&json!(wanted));
    let paid = state(&mut socket, order.stream().as_str(), status("PAID")).await;
    assert_eq!(paid.pointer("/data/userId"), Some(&json!(user.id)));

    let _ = change_role(&world, &world.admin, &deputy, false).await.expect(200);
    assert_eq!(closed(&mut socket).await, Some(4003));
    let _ = world.settle().await;
}
