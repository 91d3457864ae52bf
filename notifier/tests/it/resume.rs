//! Resuming by cursor.

use serde_json::{Value, json};

use crate::client::{Client, Handshake};
use crate::world::{World, event, user};

/// Connects, resumes behind this cursor, and returns the answer.
async fn resume(world: &World, cursor: &Value) -> (Client, Value) {
    let handshake = Handshake::offering(&world.token(&user(1)));
    let (mut client, _) = handshake.connect(world.notifier.address).await.unwrap();
    client.say(json!({"frame": "resume", "cursor": cursor})).await;
    let hello = client.frame().await;
    assert_eq!(hello["frame"], "hello");
    (client, hello)
}

#[tokio::test]
async fn a_client_that_resumes_gets_everything_behind_its_cursor_once_and_in_order() {
    let world = World::start().await;
    let me = user(1);
    let (mut client, _) = Client::open(world.notifier.address, &world.token(&me)).await;
    world.feed((1..=2).map(|version| event(&me, 7, version)).collect()).await;
    let cursor = client.frame().await["cursor"].clone();
    assert_eq!(client.events(1).await, [(2, 2)]);
    drop(client);
    for first in [3, 103] {
        world.feed((first..first + 100).map(|version| event(&me, 7, version)).collect()).await;
    }
    let (mut client, hello) = resume(&world, &cursor).await;
    assert_eq!((&hello["recovered"], &hello["cursor"]), (&json!(true), &cursor));
    let expected: Vec<_> = (2..=202).map(|number| (number, number)).collect();
    assert_eq!(client.events(201).await, expected);
    world.feed(vec![event(&me, 7, 203)]).await;
    assert_eq!(client.events(1).await, [(203, 203)]);
}

#[tokio::test]
async fn events_that_come_while_a_client_catches_up_follow_without_a_gap() {
    let world = World::start().await;
    let me = user(1);
    let (_, hello) = Client::open(world.notifier.address, &world.token(&me)).await;
    world.feed((1..=100).map(|version| event(&me, 7, version)).collect()).await;
    let (mut client, _) = resume(&world, &hello["cursor"]).await;
    for first in [101, 201, 301] {
        world.feed((first..first + 100).map(|version| event(&me, 7, version)).collect()).await;
    }
    let expected: Vec<_> = (1..=400).map(|number| (number, number)).collect();
    assert_eq!(client.events(400).await, expected);
}

#[tokio::test]
async fn a_cursor_in_the_url_does_as_well() {
    let world = World::start().await;
    let me = user(1);
    world.feed(vec![event(&me, 7, 1), event(&me, 7, 2)]).await;
    let start = "0-0000000000000000000000000000000000000000";
    let handshake = Handshake::query(&format!("?cursor={start}"));
    let handshake = handshake.with("authorization", &format!("Bearer {}", world.token(&me)));
    let (mut client, _) = handshake.connect(world.notifier.address).await.unwrap();
    let hello = client.frame().await;
    assert_eq!((&hello["recovered"], &hello["cursor"]), (&json!(true), &json!(start)));
    assert_eq!(client.events(2).await, [(1, 1), (2, 2)]);
}

#[tokio::test]
async fn a_cursor_of_another_feed_or_of_nonsense_makes_the_client_reload() {
    let world = World::start().await;
    let me = user(1);
    world.feed(vec![event(&me, 7, 1), event(&user(2), 8, 1)]).await;
    let (_, theirs) = Client::open(world.notifier.address, &world.token(&user(2))).await;
    for cursor in [theirs["cursor"].clone(), json!("99-0000000000000000000000000000000000000000"), json!("nonsense")] {
        let (mut client, hello) = resume(&world, &cursor).await;
        assert_eq!(hello["recovered"], false, "{cursor}");
        assert_eq!(client.frame().await, json!({"frame": "reload", "cursor": hello["cursor"]}));
    }
}

#[tokio::test]
async fn a_redis_that_lost_the_feeds_makes_connected_clients_reload() {
    let world = World::start().await;
    let me = user(1);
    let (mut client, _) = Client::open(world.notifier.address, &world.token(&me)).await;
    world.feed(vec![event(&me, 7, 1), event(&me, 7, 2)]).await;
    assert_eq!(client.events(2).await.len(), 2);
    world.redis_command(&mut redis::cmd("FLUSHALL")).await;
    world.feed(vec![event(&me, 9, 1)]).await;
    assert_eq!(client.frame().await["frame"], "reload");
    world.feed(vec![event(&me, 9, 2)]).await;
    assert_eq!(client.events(1).await, [(2, 2)]);
}

#[tokio::test]
async fn sockets_outlive_a_redis_that_is_killed_and_miss_nothing() {
    let world = World::start().await;
    let me = user(1);
    let (mut client, _) = Client::open(world.notifier.address, &world.token(&me)).await;
    world.feed(vec![event(&me, 7, 1)]).await;
    assert_eq!(client.events(1).await, [(1, 1)]);
    world.redis.restart().await.unwrap();
    stack::eventually("Redis is used again", crate::world::SOON, async || {
        world.read_model.feed_head(&me).await.ok().map(|_| ())
    })
    .await;
    world.feed(vec![event(&me, 7, 2)]).await;
    assert_eq!(client.events(1).await, [(2, 2)]);
}
