//! Clients that say what is not of the protocol: their socket is closed with a reason, and nobody else notices.

use futures::{SinkExt as _, StreamExt as _};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use stack::testing;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, Handshake};
use crate::world::{SOON, World, event, user};

/// What a client may come up with: frames of the protocol, near ones, and anything at all.
fn any_message() -> impl Strategy<Value = Message> {
    let frame = prop_oneof![Just("resume"), Just("refresh"), Just("event"), Just("")];
    let field = prop_oneof![Just("cursor"), Just("token"), Just("frame")];
    let near = (frame, field, any::<String>())
        .prop_map(|(frame, field, value)| serde_json::json!({"frame": frame, field: value}).to_string());
    prop_oneof![
        3 => near.prop_map(Message::text),
        2 => any::<String>().prop_map(Message::text),
        1 => "[\\[{\"]{0,2000}".prop_map(Message::text),
        1 => vec(any::<u8>(), 0..6_000).prop_map(Message::binary),
        1 => vec(any::<u8>(), 0..125).prop_map(|bytes| Message::Ping(bytes.into())),
        1 => vec(any::<u8>(), 0..125).prop_map(|bytes| Message::Pong(bytes.into())),
    ]
}

#[test]
fn nothing_that_a_client_says_ends_more_than_its_own_socket() {
    let seed = u64::try_from(runtime::clock::now_micros()).unwrap();
    let cases = if testing::full() { 2_000 } else { 100 };
    let config = Config { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(seed), ..Config::default() };
    let threads = tokio::runtime::Runtime::new().unwrap();
    let (world, mut other) = threads.block_on(async {
        let world = World::start().await;
        let (other, _hello) = Client::open(world.notifier.address, &world.token(&user(2))).await;
        (world, other)
    });
    let outcome = TestRunner::new(config).run(&vec(any_message(), 1..6), |messages| {
        threads.block_on(async {
            let handshake = Handshake::offering(&world.token(&user(1)));
            let (mut client, _) = handshake.connect(world.notifier.address).await.unwrap();
            for message in messages {
                // The server may have closed it already.
                let _gone = client.0.send(message).await;
            }
            let _gone = client.0.close(None).await;
            let ended = async { while let Some(Ok(_)) = client.0.next().await {} };
            prop_assert!(tokio::time::timeout(SOON, ended).await.is_ok(), "the socket does not end");
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("seed {seed}: {error}");
    }
    threads.block_on(async {
        world.feed(vec![event(&user(2), 9, 1)]).await;
        assert_eq!(other.events(1).await, [(1, 1)], "another client goes on as before");
    });
}
