//! A user is forgotten: what remains of them anywhere, and that everything else goes on.

use std::time::Duration;

use e2e::client::{Answer, LoggedIn, Request, order_of};
use e2e::remains::{self, Places, Words};
use e2e::socket::Socket;
use serde_json::{Value, json};
use stack::eventually;

use crate::sessions::closed;
use crate::world::{SETTLED, World};

const PASSWORD: &str = "correct horse battery";
/// Names and addresses that nothing else contains.
const CANARIES: [&str; 6] =
    ["quetzalcanary", "Xochicanary", "Tlaloccanary", "heroncanary", "Kingfishercanary", "Bitterncanary"];

/// Where any of these words stands, Redis left out.
async fn outside_redis(world: &World, words: &Words) -> Places {
    let mut places = remains::in_mongodb(&world.system.addresses().mongodb_uri, words).await;
    places.extend(remains::in_kafka(world.kafka(), words).await);
    for folder in ["kafka", "logs", "gateway", "registry"] {
        places.extend(remains::in_files(&world.system.folder().join(folder), words));
    }
    places
}

/// Where any of these words stands in Redis: its values, and its append-only file.
async fn inside_redis(world: &World, words: &Words) -> Places {
    let mut places = remains::in_redis(&world.system.addresses().redis_url, words).await;
    places.extend(remains::in_files(&world.system.folder().join("redis"), words));
    places
}

/// A user under the canaries' names: registered, renamed, moved to another address, and with an order.
async fn canary(world: &World) -> LoggedIn {
    let [email, first, last, new_email, new_first, new_last] = CANARIES;
    let sku = World::name("FORGET");
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let address = format!("{email}@example.com");
    let body = json!({ "email": address, "password": PASSWORD, "firstName": first, "lastName": last });
    let _ = world.gateway.post("/api/v1/users/register", Request::default().json(body)).await.expect(201);
    let user = world.gateway.log_in(&address, PASSWORD).await;
    let change = json!({ "email": format!("{new_email}@example.com"), "firstName": new_first, "lastName": new_last });
    let _ = world.gateway.put("/api/v1/users/profile", Request::by(&user).json(change)).await.expect(200);
    let order = Request::by(&user).json(order_of(&user, &sku, 1));
    let _ = world.gateway.post("/commands/orders", order).await.expect(201);
    let search = format!("/api/v1/users/search?q={new_email}");
    let _ = world.gateway.get(&search, Request::by(&world.admin)).await.expect(200);
    user
}

/// Checks that the scan sees what is there, by the user's id, which stands everywhere.
async fn check_that_the_scan_looks_everywhere(world: &World, user: &LoggedIn) {
    let found = outside_redis(world, &Words::new(&[&user.id])).await;
    for place in ["MongoDB orderflow.commits", "MongoDB vault.keys", "MongoDB local.oplog.rs", "Kafka users.events.v1"]
    {
        assert!(found.contains(place), "{place} in {found:?}");
    }
}

/// Checks that nobody sees the user, and that nobody gets in as them.
async fn check_that_nobody_is_there(world: &World, user: &LoggedIn, token: &str) {
    let by_admin = || Request::by(&world.admin).with("consistency-token", token);
    let _ = world.gateway.get(&format!("/api/v1/users/{}", user.id), by_admin()).await.expect(404);
    for text in CANARIES {
        let found = world.gateway.get(&format!("/api/v1/users/search?query={text}"), by_admin()).await.expect(200);
        assert_eq!(found.body.get("data"), Some(&json!([])), "{text}");
    }
    for address in CANARIES {
        let body = json!({ "email": format!("{address}@example.com"), "password": PASSWORD });
        let _ = world.gateway.post("/api/v1/users/login", Request::default().json(body)).await.expect(401);
    }
    eventually("every instance refuses the token", Duration::from_secs(60), async || {
        for _ in 0..4 {
            let read = world.gateway.get("/api/v1/users/profile", Request::by(user)).await;
            let written = world.gateway.put("/api/v1/users/profile", Request::by(user).json(json!({}))).await;
            if read.status.as_u16() != 401 || written.status.as_u16() != 401 {
                return None;
            }
        }
        Some(())
    })
    .await;
}

/// Seen to fail when the key of an erased user is kept (`vault-keeps-the-key`).
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_user_is_found_nowhere_and_everything_else_goes_on() {
    let world = World::enter().await;
    let words = Words::new(&CANARIES);
    let (other, user) = (world.gateway.user(&World::name("remembered")).await, canary(&world).await);
    let _ = world.settle().await;
    assert_eq!(outside_redis(&world, &words).await, Places::new(), "before the erasure");
    assert!(!inside_redis(&world, &words).await.is_empty(), "the scan finds what is there");
    check_that_the_scan_looks_everywhere(&world, &user).await;
    let other_before = shown(&world, &other.id).await;

    let mut socket = Socket::open(&world.gateway, world.system.gateway(), &user, None).await.expect("a socket");
    let path = format!("/api/v1/users/{}", user.id);
    let erased = world.gateway.delete(&path, Request::by(&world.admin)).await.expect(200);
    assert_eq!(closed(&mut socket).await, Some(4003));
    check_that_nobody_is_there(&world, &user, erased.header("consistency-token").expect("a token")).await;
    eventually("nothing is left in Redis and its file", SETTLED, async || {
        inside_redis(&world, &words).await.is_empty().then_some(())
    })
    .await;
    assert_eq!(outside_redis(&world, &words).await, Places::new(), "after the erasure");

    let _ = world.settle().await;
    remains::empty_redis(&world.system.addresses().redis_url).await;
    world.system.kill("redis").await.expect("a killed Redis");
    world.system.start("redis").await.expect("an empty Redis");
    let _ = world.settle().await;
    assert_eq!(shown(&world, &other.id).await, other_before, "a rebuild changes nobody else");
    assert_eq!(inside_redis(&world, &words).await, Places::new(), "a rebuild brings nothing back");
    let _ = asked(&world, &user.id).await.expect(404);
}

/// A user as an admin sees them.
async fn shown(world: &World, id: &str) -> Value {
    asked(world, id).await.expect(200).body
}

/// What an admin is answered about a user. Right after a restart of Redis, each instance puts queries off for a while.
async fn asked(world: &World, id: &str) -> Answer {
    eventually("an answer about the user", SETTLED, async || {
        let answer = world.gateway.get(&format!("/api/v1/users/{id}"), Request::by(&world.admin)).await;
        (answer.status != 503).then_some(answer)
    })
    .await
}
