//! The WebSocket from greeting to close.

use read_model::Trail;
use serde_json::json;

use crate::client::{Client, Handshake, Seen};
use crate::world::{LONG, SOON, World, event, stream, terms, user};

#[tokio::test]
async fn an_event_reaches_every_socket_of_its_owner_on_every_instance_and_nobody_else() {
    let world = World::start().await;
    let other = world.another().await;
    let (me, stranger) = (user(1), user(2));
    let mut mine = Vec::new();
    for address in [world.notifier.address, world.notifier.address, other.address] {
        mine.push(Client::open(address, &world.token(&me)).await.0);
    }
    let (mut theirs, _) = Client::open(world.notifier.address, &world.token(&stranger)).await;
    world.feed(vec![event(&me, 7, 1), event(&stranger, 8, 1), event(&me, 7, 2)]).await;
    for client in &mut mine {
        assert_eq!(client.events(2).await, [(1, 1), (2, 2)]);
    }
    let frame = theirs.frame().await;
    assert_eq!((&frame["seq"], &frame["stream"]), (&json!(1), &json!("ord_00000000000000000000000000000008")));
}

#[tokio::test]
async fn when_an_event_was_first_written_to_a_screen_is_noted_once_its_owner_looks_on() {
    let world = World::start().await;
    let me = user(1);
    world.feed(vec![event(&me, 7, 1)]).await;
    let trails = async || {
        let found = world.read_model.trails(&stream(7), &[Trail::Feeds, Trail::Screens]).await.unwrap();
        found
            .iter()
            .map(|trail| trail.iter().map(|(at, seen)| (seen.version.0, *at)).collect())
            .collect::<Vec<Vec<_>>>()
    };
    assert_eq!(trails().await.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0], "nobody looks on");
    let (mut client, _) = Client::open(world.notifier.address, &world.token(&me)).await;
    world.feed(vec![event(&me, 7, 2)]).await;
    assert_eq!(client.events(1).await, [(2, 2)]);
    let first = stack::eventually("it is noted", SOON, async || {
        let found = trails().await;
        (!found[1].is_empty()).then_some(found)
    });
    let first = first.await;
    assert_eq!((first[1].len(), first[1][0].0), (1, 2), "what came before was never told");
    assert!(first[1][0].1 >= first[0][1].1, "it is told once it is in the feed: {first:?}");

    let other = world.another().await;
    let (mut later, _) = Client::open(other.address, &world.token(&me)).await;
    world.feed(vec![event(&me, 7, 3)]).await;
    assert_eq!((client.events(1).await, later.events(1).await), (vec![(3, 3)], vec![(3, 3)]));
    stack::eventually("the next one is noted", SOON, async || (trails().await[1].len() == 2).then_some(())).await;
    assert_eq!(trails().await[1][0], first[1][0], "the first time stays");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_greeted_and_follows_from_where_it_connected() {
    let world = World::start().await;
    let me = user(1);
    world.feed(vec![event(&me, 7, 1)]).await;
    let handshake = Handshake::offering(&world.token(&me));
    let (mut client, _) = handshake.connect(world.notifier.address).await.unwrap();
    world.feed(vec![event(&me, 7, 2)]).await;
    let hello = client.frame().await;
    assert_eq!((&hello["frame"], &hello["recovered"]), (&json!("hello"), &json!(false)));
    assert_eq!(client.events(1).await, [(2, 2)], "what came between connecting and greeting is not lost");
}

#[tokio::test]
async fn a_session_that_ends_closes_its_sockets_and_no_others() {
    let world = World::start().await;
    let me = user(1);
    let (mut ended, _) = Client::open(world.notifier.address, &world.keys.token(&me, LONG)).await;
    let (mut other, _) = Client::open(world.notifier.address, &world.keys.token(&me, LONG + 1)).await;
    world.notifier.log_out(&me, LONG);
    assert_eq!(ended.close_code().await, 4003);
    world.feed(vec![event(&me, 7, 1)]).await;
    assert_eq!(other.events(1).await, [(1, 1)]);
}

#[tokio::test]
async fn an_expired_token_closes_its_socket_unless_it_is_refreshed() {
    let world = World::start().await;
    let me = user(1);
    let brief = world.keys.token(&me, 1);
    let (mut expiring, _) = Client::open(world.notifier.address, &brief).await;
    let (mut refreshed, _) = Client::open(world.notifier.address, &brief).await;
    refreshed.say(json!({"frame": "refresh", "token": world.token(&me)})).await;
    assert_eq!(expiring.close_code().await, 4001);
    world.feed(vec![event(&me, 7, 1)]).await;
    assert_eq!(refreshed.events(1).await, [(1, 1)]);
}

#[tokio::test]
async fn a_refresh_with_another_users_token_closes_the_socket() {
    let world = World::start().await;
    let (mut client, _) = Client::open(world.notifier.address, &world.token(&user(1))).await;
    client.say(json!({"frame": "refresh", "token": world.token(&user(2))})).await;
    assert_eq!(client.close_code().await, 4003);
}

#[tokio::test]
async fn a_frame_that_is_not_of_the_protocol_closes_the_socket() {
    let world = World::start().await;
    let (mut client, _) = Client::open(world.notifier.address, &world.token(&user(1))).await;
    client.say_text("hello?").await;
    assert_eq!(client.close_code().await, 1008);
}

#[tokio::test]
async fn a_user_has_so_many_sockets_and_not_one_more() {
    let mut terms = terms();
    terms.max_connections_per_user = 2;
    let world = World::with(terms).await;
    let address = world.notifier.address;
    let (first, _) = Client::open(address, &world.token(&user(1))).await;
    let (_second, _) = Client::open(address, &world.token(&user(1))).await;
    let (mut third, _) = Handshake::offering(&world.token(&user(1))).connect(address).await.unwrap();
    assert_eq!(third.close_code().await, 4029);
    Client::open(address, &world.token(&user(2))).await;
    drop(first);
    stack::eventually("the place is free again", SOON, async || {
        let (mut again, _) = Handshake::offering(&world.token(&user(1))).connect(address).await.unwrap();
        matches!(again.see().await, Seen::Frame(_)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_closes_every_socket_with_a_pause_that_differs() {
    let world = World::start().await;
    let (mut first, _) = Client::open(world.notifier.address, &world.token(&user(1))).await;
    let (mut second, _) = Client::open(world.notifier.address, &world.token(&user(2))).await;
    world.notifier.process.shutdown.request();
    let mut pauses = Vec::new();
    for client in [&mut first, &mut second] {
        let Seen::Closed { code: 1012, reason } = client.see().await else { panic!("not a restart") };
        let pause: u64 = reason.strip_prefix("restart; retry=").unwrap().parse().unwrap();
        assert!((1_000..=5_000).contains(&pause), "{pause}");
        pauses.push(pause);
    }
    assert_ne!(pauses[0], pauses[1]);
    drop((first, second));
    assert!(world.notifier.process.tasks.finish(SOON).await, "no socket keeps the process alive");
}
