//! Clients that read more slowly than events come.

use std::time::Duration;

use notifier::Terms;
use serde_json::json;

use crate::client::{Client, Handshake, Seen};
use crate::world::{SOON, World, sized_event, stream, terms, user};

/// A queue that holds two of the events below, and more patience than any test takes.
fn narrow() -> Terms {
    Terms { connection_queue_bytes: 40_000, max_connections_per_user: 1, slow_client: SOON, ..terms() }
}

/// A write that lasts this long shows that a client is slow: a twentieth of the patience above, and a little more.
const STALL: Duration = Duration::from_secs(2);

/// Fills the feed, and what lies between it and a client that does not read, and lets that last.
async fn overwhelm(world: &World) {
    flood(world, 1, 600).await;
    let began = runtime::clock::monotonic();
    stack::eventually("the stall shows", SOON, async || (began.elapsed() > STALL).then_some(())).await;
}

const BYTES: usize = 16_000;

/// A client that reads nothing by itself, and whose system takes next to nothing for it.
async fn sleeper(world: &World) -> Client {
    let handshake = Handshake::offering(&world.token(&user(1))).narrow();
    let (mut client, _) = handshake.connect(world.notifier.address).await.unwrap();
    client.say(json!({"frame": "resume"})).await;
    assert_eq!(client.frame().await["frame"], "hello");
    client
}

/// Puts so many versions of order 7 into the feed, each as large as the network's buffers are small.
async fn flood(world: &World, from: u32, count: u32) {
    for first in (from..from + count).step_by(50) {
        let events = (first..first + 50).map(|version| sized_event(&user(1), 7, (version, BYTES))).collect();
        world.feed(events).await;
    }
}

#[tokio::test]
async fn a_client_that_falls_behind_gets_the_latest_state_and_then_follows_again() {
    let world = World::with(narrow()).await;
    let mut client = sleeper(&world).await;
    world.project(7, 600).await;
    overwhelm(&world).await;
    let mut last = 0;
    let snapshot = loop {
        let frame = client.frame().await;
        if frame["frame"] == "snapshot" {
            break frame;
        }
        assert_eq!(frame["seq"], last + 1, "in order up to the overflow");
        last += 1;
    };
    assert!(last < 600, "some events were left out");
    assert_eq!((&snapshot["stream"], &snapshot["version"]), (&json!(stream(7)), &json!(600)));
    assert_eq!(snapshot["data"], json!({"number": 7, "version": 600}));
    let cursor = snapshot["cursor"].as_str().unwrap();
    assert!(cursor.starts_with("600-"), "{cursor}");
    world.feed(vec![sized_event(&user(1), 7, (601, 0))]).await;
    assert_eq!(client.events(1).await, [(601, 601)]);
}

#[tokio::test]
async fn a_burst_larger_than_the_queue_reaches_a_client_that_reads_event_by_event() {
    let world = World::with(narrow()).await;
    let (mut client, _) = Client::open(world.notifier.address, &world.token(&user(1))).await;
    let reading = client.events(600);
    let (events, ()) = tokio::join!(reading, flood(&world, 1, 600));
    assert_eq!(events, (1..=600).map(|number| (number, number)).collect::<Vec<_>>());
}

#[tokio::test]
async fn where_the_views_are_behind_an_overflow_makes_the_client_reload() {
    let world = World::with(narrow()).await;
    let mut client = sleeper(&world).await;
    world.project(7, 3).await;
    overwhelm(&world).await;
    let reload = loop {
        let frame = client.frame().await;
        if frame["frame"] != "event" {
            break frame;
        }
    };
    assert_eq!(reload["frame"], "reload");
    assert!(reload["cursor"].as_str().unwrap().starts_with("600-"), "{reload}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed_as_too_slow_and_gives_its_place_up() {
    let world = World::with(Terms { slow_client: Duration::from_millis(300), ..narrow() }).await;
    let mut client = sleeper(&world).await;
    flood(&world, 1, 600).await;
    stack::eventually("the slow client's place is free", SOON, async || {
        let handshake = Handshake::offering(&world.token(&user(1)));
        let (mut other, _) = handshake.connect(world.notifier.address).await.unwrap();
        matches!(other.see().await, Seen::Frame(_)).then_some(())
    })
    .await;
    assert_eq!(client.close_code().await, 4008);
}
