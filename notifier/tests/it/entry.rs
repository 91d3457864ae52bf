//! Who is let in, and how.

use std::net::SocketAddr;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::client::{Client, Handshake};
use crate::world::{LONG, World, user};

/// Buys a ticket.
async fn ticket(address: SocketAddr, token: &str) -> String {
    let asked = reqwest::Client::new().post(format!("http://{address}/ws/tickets")).bearer_auth(token).send();
    let answer = asked.await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["expiresIn"], 30);
    body["ticket"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_ticket_opens_one_connection_on_any_instance() {
    let world = World::start().await;
    let other = world.another().await;
    let ticket = ticket(world.notifier.address, &world.token(&user(1))).await;
    let shown = format!("?ticket={ticket}");
    let (mut client, response) = Handshake::query(&shown).connect(other.address).await.unwrap();
    assert_eq!(response.headers().get("sec-websocket-protocol"), None, "none was offered");
    assert_eq!(client.frame().await["frame"], "hello");
    for address in [world.notifier.address, other.address] {
        let refused = Handshake::query(&shown).connect(address).await.err().unwrap();
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (401, &json!("invalid_ticket")));
    }
}

#[tokio::test]
async fn a_ticket_of_an_ended_session_opens_nothing() {
    let world = World::start().await;
    let ticket = ticket(world.notifier.address, &world.token(&user(1))).await;
    world.notifier.log_out(&user(1), LONG);
    let refused = Handshake::query(&format!("?ticket={ticket}")).connect(world.notifier.address).await.err().unwrap();
    assert_eq!(refused.status.as_u16(), 401);
}

#[tokio::test]
async fn a_token_among_the_protocols_is_answered_with_the_protocol_alone() {
    let world = World::start().await;
    let handshake = Handshake::offering(&world.token(&user(1)));
    let (_client, response) = handshake.connect(world.notifier.address).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "orderflow.v1");
}

#[tokio::test]
async fn nobody_enters_without_a_valid_token_and_never_by_one_in_the_url() {
    let world = World::start().await;
    let address = world.notifier.address;
    let token = world.token(&user(1));
    let expired = world.keys.token(&user(1), -60);
    for (what, handshake) in [
        ("nothing", Handshake::query("")),
        ("a token in the URL", Handshake::query(&format!("?token={token}&access_token={token}"))),
        ("an expired token", Handshake::offering(&expired)),
        ("a token that is none", Handshake::offering("a.b.c")),
        ("no such ticket", Handshake::query("?ticket=guessed")),
        ("an expired token in the header", Handshake::query("").with("authorization", &format!("Bearer {expired}"))),
    ] {
        let refused = handshake.connect(address).await.err().unwrap_or_else(|| panic!("{what} was let in"));
        assert_eq!(refused.status.as_u16(), 401, "{what}: {}", refused.body);
        assert_eq!(refused.body["success"], false, "{what}");
    }
    let asked = reqwest::Client::new().post(format!("http://{address}/ws/tickets")).send().await.unwrap();
    assert_eq!(asked.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn pages_of_foreign_origins_are_kept_out() {
    let world = World::start().await;
    let address = world.notifier.address;
    let from = |origin: &str| Handshake::offering(&world.token(&user(1))).with("origin", origin);
    let refused = from("https://evil.example").connect(address).await.err().unwrap();
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &json!("forbidden")));
    assert!(from("https://shop.example").connect(address).await.is_ok());
    assert!(from(&format!("http://{address}")).connect(address).await.is_ok(), "our own pages");
}

#[tokio::test]
async fn a_plain_get_is_told_that_a_handshake_is_expected() {
    let world = World::start().await;
    let asked = reqwest::Client::new().get(format!("http://{}/ws", world.notifier.address));
    let answer = asked.bearer_auth(world.token(&user(1))).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UPGRADE_REQUIRED);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "websocket_required");
}

#[tokio::test]
async fn without_redis_new_connections_and_tickets_are_told_to_come_back() {
    let world = World::start().await;
    Client::open(world.notifier.address, &world.token(&user(1))).await;
    world.redis.kill().await;
    let refused = Handshake::offering(&world.token(&user(2))).connect(world.notifier.address).await.err().unwrap();
    assert_eq!((refused.status.as_u16(), &refused.body["retryable"]), (503, &json!(true)));
    let asked = reqwest::Client::new().post(format!("http://{}/ws/tickets", world.notifier.address));
    let answer = asked.bearer_auth(world.token(&user(2))).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
}
