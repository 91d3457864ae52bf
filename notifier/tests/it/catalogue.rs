//! The catalogue: as it is when one comes, then the newest state of whatever changes.

use std::collections::BTreeMap;

use notifier::Terms;
use schemas::Sku;
use serde_json::{Value, json};

use crate::client::{Client, Handshake};
use crate::world::{SOON, World, terms, user};

fn sku(number: u32) -> Sku {
    Sku::parse(&format!("lamp-{number}")).unwrap()
}

/// Version `version` of product `number`, with so many bytes of name.
async fn product(world: &World, number: u32, version: u32, bytes: usize) {
    let name = "x".repeat(bytes);
    let body = format!(r#"{{"sku":"{}","name":"{name}","version":{version}}}"#, sku(number).as_str());
    world.show("products", sku(number).product(), (version - 1, version), &body).await;
}

/// Version `version` of the stock of product `number`, of which ten times as many pieces are available.
async fn stock(world: &World, number: u32, version: u32) {
    let body = format!(r#"{{"onHand":999,"held":5,"available":{},"version":{version}}}"#, version * 10);
    world.show("stock", sku(number).stock(), (version - 1, version), &body).await;
}

async fn world() -> World {
    filled(terms()).await
}

/// A shop with three products, of one of which there are pieces.
async fn filled(terms: Terms) -> World {
    let world = World::with(terms).await;
    for number in 1..=3 {
        product(&world, number, 1, 0).await;
    }
    stock(&world, 2, 1).await;
    world
}

async fn watch(world: &World, who: u128) -> Client {
    Client::watch(world.notifier.address, &world.token(&user(who)), "catalogue").await
}

/// What is told of product `number` in these versions of it and of its stock.
fn told(number: u32, version: u32, stock: u32) -> Value {
    json!({
        "frame": "snapshot", "stream": sku(number).product(), "version": version,
        "joined": {"stream": sku(number).stock(), "version": stock},
        "data": {"sku": sku(number).as_str(), "name": "", "version": version, "available": stock * 10},
    })
}

/// The next so many states, by product.
async fn states(client: &mut Client, count: usize) -> BTreeMap<String, Value> {
    let mut states = BTreeMap::new();
    while states.len() < count {
        let frame = client.frame().await;
        states.insert(frame["stream"].as_str().unwrap().to_owned(), frame);
    }
    states
}

#[tokio::test]
async fn whoever_comes_is_told_every_product_and_then_each_that_changes() {
    let world = world().await;
    let other = world.another().await;
    let mut clients = vec![watch(&world, 1).await, watch(&world, 2).await];
    clients.push(Client::watch(other.address, &world.token(&user(3)), "catalogue").await);
    let first = [told(1, 1, 0), told(2, 1, 1), told(3, 1, 0)];
    for client in &mut clients {
        assert!(states(client, 3).await.values().eq(&first));
    }
    product(&world, 1, 2, 0).await;
    for client in &mut clients {
        assert_eq!(client.frame().await, told(1, 2, 0));
    }
    stock(&world, 2, 2).await;
    for client in &mut clients {
        assert_eq!(client.frame().await, told(2, 1, 2), "without what is held");
    }
    product(&world, 4, 1, 0).await;
    for client in &mut clients {
        assert_eq!(client.frame().await, told(4, 1, 0), "what is new in the catalogue");
    }
    let mut late = watch(&world, 4).await;
    assert!(states(&mut late, 4).await.values().eq(&[told(1, 2, 0), told(2, 1, 2), told(3, 1, 0), told(4, 1, 0)]));
}

/// Seen to fail when who comes is told only what changes from then on (`boards-show-who-comes-only-what-changes`).
#[tokio::test]
async fn nothing_falls_between_the_first_look_and_the_first_change() {
    const LAST: u32 = 150;
    let world = world().await;
    let changes = async {
        for version in 2..=LAST {
            product(&world, 1, version, 0).await;
        }
    };
    let comers = async {
        for who in 1..=15 {
            let mut client = watch(&world, who).await;
            let mut seen = 0;
            while seen < u64::from(LAST) {
                let (stream, version) = client.state().await;
                if stream == sku(1).product().as_str() {
                    assert!(version > seen, "{version} after {seen}");
                    seen = version;
                }
            }
        }
    };
    // The first comes when nothing has changed yet, the last when the catalogue is at rest again.
    tokio::join!(comers, changes);
}

#[tokio::test]
async fn a_slow_client_is_told_the_newest_of_each_product_and_not_what_it_missed() {
    const LAST: u32 = 60;
    const BYTES: usize = 200_000;
    let world = filled(Terms { slow_client: SOON, ..terms() }).await;
    let mut fast = watch(&world, 1).await;
    states(&mut fast, 3).await;
    let bearer = format!("Bearer {}", world.token(&user(2)));
    let handshake = Handshake::query("?audience=catalogue").with("authorization", &bearer).narrow();
    let (mut slow, _) = handshake.connect(world.notifier.address).await.unwrap();
    assert_eq!(slow.frame().await["frame"], "hello");
    for version in 2..=LAST {
        product(&world, 1, version, BYTES).await;
        // So every version was told on its own to whoever took it.
        assert_eq!(fast.state().await, (sku(1).product().as_str().to_owned(), u64::from(version)));
    }
    product(&world, 3, 2, 0).await;
    let (mut versions, mut other) = (Vec::new(), 0);
    while versions.last() != Some(&u64::from(LAST)) || other < 2 {
        match slow.state().await {
            (stream, version) if stream == sku(1).product().as_str() => versions.push(version),
            (stream, version) if stream == sku(3).product().as_str() => other = version,
            _ => {}
        }
    }
    assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    assert!(versions.len() < 40, "a backlog: {versions:?}");
}

#[tokio::test]
async fn a_product_never_goes_back_also_when_redis_does() {
    let world = world().await;
    product(&world, 1, 2, 0).await;
    let mut client = watch(&world, 1).await;
    states(&mut client, 3).await;
    let document = format!("{{products}}:g1:d:{}", sku(1).product());
    let older = told(1, 1, 0)["data"].to_string();
    world.redis_command(redis::cmd("HSET").arg(&document).arg("v").arg(1).arg("b").arg(older)).await;
    let notice = format!("{}@1", sku(1).product());
    world.redis_command(redis::cmd("PUBLISH").arg("{products}:g1:applied").arg(notice)).await;
    product(&world, 3, 2, 0).await;
    assert_eq!(client.frame().await, told(3, 2, 0), "and nothing before it");
    let mut late = watch(&world, 2).await;
    assert_eq!(states(&mut late, 3).await[sku(1).product().as_str()], told(1, 2, 0));
}

#[tokio::test]
async fn what_changes_while_the_line_to_redis_is_cut_is_told_all_the_same() {
    let world = world().await;
    let mut client = watch(&world, 1).await;
    states(&mut client, 3).await;
    world.cut_subscriptions().await;
    product(&world, 1, 2, 0).await;
    assert_eq!(client.frame().await, told(1, 2, 0), "and what is the same is not told again");
}

#[tokio::test]
async fn nothing_is_resumed_and_a_wish_to_is_passed_over() {
    let world = world().await;
    let unknown = "9-0000000000000000000000000000000000000000";
    let handshake = Handshake::query(&format!("?audience=catalogue&cursor={unknown}"));
    let handshake = handshake.with("authorization", &format!("Bearer {}", world.token(&user(1))));
    let (mut client, _) = handshake.connect(world.notifier.address).await.unwrap();
    client.say(json!({"frame": "resume", "cursor": unknown})).await;
    assert_eq!(client.frame().await["frame"], "hello");
    assert_eq!(states(&mut client, 3).await.len(), 3);
    client.say(json!({"frame": "refresh", "token": world.token(&user(1))})).await;
    product(&world, 1, 2, 0).await;
    assert_eq!(client.frame().await, told(1, 2, 0));
}

#[tokio::test]
async fn connections_count_together_whatever_they_are_for() {
    let world = filled(Terms { max_connections_per_user: 2, ..terms() }).await;
    let (_own, _) = Client::open(world.notifier.address, &world.token(&user(1))).await;
    let _catalogue = watch(&world, 1).await;
    let handshake = Handshake::query("?audience=catalogue");
    let handshake = handshake.with("authorization", &format!("Bearer {}", world.token(&user(1))));
    let (mut third, _) = handshake.connect(world.notifier.address).await.unwrap();
    assert_eq!(third.close_code().await, 4029);
}
