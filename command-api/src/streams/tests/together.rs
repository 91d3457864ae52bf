//! Commands that meet at one stream.

use domain::stock::Stock;
use domain::{Aggregate as _, Refusal, fold};
use futures::future::join_all;
use schemas::{StockEvent, StockReservationRejected, StockReserved, Version};

use super::world::{World, at_once, given, keyed, once, order, receive, receive_because, release, reserve, told};
use crate::intent::Intent;
use crate::streams::Rejected;

#[tokio::test(flavor = "multi_thread")]
async fn reservations_through_two_processes_never_oversell_and_share_their_commits() {
    let world = World::new().await;
    given(&world.one, receive(50), once()).await.unwrap();
    let reservations = (0..200_u32).map(|number| {
        let streams = if number % 2 == 0 { &world.one } else { &world.other };
        given(streams, reserve(number.into(), 1), keyed(&number.to_string()))
    });
    let outcomes: Vec<_> = join_all(reservations).await.into_iter().map(Result::unwrap).collect();

    let events = world.events().await;
    for (number, done) in outcomes.iter().enumerate() {
        let (StockEvent::Reserved(StockReserved { order: own, .. })
        | StockEvent::ReservationRejected(StockReservationRejected { order: own, .. })) =
            &events[usize::try_from(done.version.0).unwrap() - 1]
        else {
            unreachable!("{done:?}")
        };
        assert_eq!((own, done.replayed), (&order(number.try_into().unwrap()), false));
    }
    let mut stock = None;
    for event in &events {
        stock = Stock::evolve(stock, event);
        assert!(stock.as_ref().unwrap().available() >= 0, "{event:?}");
    }
    assert_eq!((events.len(), stock.unwrap().holds.total()), (201, 50));
    let commits = world.commits().await;
    assert!(commits.len() <= 50, "200 commands took {} commits", commits.len());
    assert_eq!(commits.iter().map(|commit| commit.commands.len()).sum::<usize>(), 201);
    assert_eq!(commits.iter().map(|commit| commit.keys.len()).sum::<usize>(), 200);
}

#[tokio::test]
async fn what_queues_up_is_decided_in_order_and_each_command_gets_its_own_answer() {
    let world = World::new().await;
    let outcomes = at_once(
        &world.one,
        [
            (receive(5), once()),
            (release(9), once()),
            (reserve(1, 3), once()),
            (reserve(2, 3), once()),
            (reserve(1, 3), once()),
            (reserve(1, 4), once()),
            (release(1), once()),
        ],
    );
    let refused = |refusal: Refusal| Err(refusal.to_string());
    let expected = [
        Ok(1),
        refused(Refusal::ReservationNotHeld),
        Ok(2),
        Ok(3),
        Ok(3),
        refused(Refusal::ReservationDiffers { held: 3 }),
        Ok(4),
    ];
    assert_eq!(told(outcomes.await), expected);
    let commits = world.commits().await;
    let [commit] = commits.as_slice() else { unreachable!("{commits:?}") };
    assert_eq!(commit.commands.iter().map(|command| command.events).collect::<Vec<_>>(), [1, 1, 1, 1]);
    let stock = world.stock().await;
    assert_eq!((stock.on_hand, stock.holds.total()), (5, 0));
}

#[tokio::test]
async fn a_batch_that_another_process_was_faster_than_is_decided_again_as_a_whole() {
    let world = World::new().await;
    given(&world.one, receive(5), once()).await.unwrap();
    given(&world.other, reserve(9, 4), once()).await.unwrap();
    // The first process still believes that five pieces are left.
    let outcomes = at_once(&world.one, [(reserve(1, 3), once()), (reserve(2, 1), once()), (reserve(3, 1), once())]);
    assert_eq!(told(outcomes.await), [Ok(3), Ok(4), Ok(5)]);
    let stock = world.stock().await;
    let held = [1, 2, 3, 9].map(|number| stock.holds.of(&order(number)).map(|hold| hold.quantity));
    assert_eq!(held, [None, Some(1), None, Some(4)]);
    assert_eq!(world.commits().await.len(), 3);
}

#[tokio::test]
async fn a_key_that_is_sent_twice_at_once_has_one_effect() {
    let world = World::new().await;
    let [first, other, again] =
        at_once(&world.one, [(receive(5), keyed("a")), (receive(7), keyed("b")), (receive(5), keyed("a"))])
            .await
            .map(Result::unwrap);
    assert_eq!((first.replayed, other.replayed, again.replayed), (false, false, true));
    assert_eq!((first.version, first.at), (again.version, again.at));
    assert_eq!(world.stock().await.on_hand, 12);
}

#[tokio::test]
async fn every_command_of_a_batch_is_found_again_by_its_key() {
    let world = World::new().await;
    let keys = ["a", "b", "c"];
    let sent = at_once(&world.one, keys.map(|key| (receive(5), keyed(key)))).await.map(Result::unwrap);
    assert_eq!(world.commits().await.len(), 1);
    for streams in [&world.one, &world.other] {
        let again = at_once(streams, keys.map(|key| (receive(5), keyed(key)))).await.map(Result::unwrap);
        for (sent, again) in sent.iter().zip(&again) {
            assert_eq!((again.version, again.at, again.replayed), (sent.version, sent.at, true));
        }
        let another_body = Intent { fingerprint: keyed("z").fingerprint, ..keyed("b") };
        let [before, reused] = at_once(streams, [(receive(5), keyed("a")), (receive(5), another_body)]).await;
        assert!(before.unwrap().replayed && matches!(reused, Err(Rejected::KeyReused)));
        let of_the_process = at_once(streams, [(receive(5), Intent::internal("test", "c"))]).await;
        assert!(of_the_process.map(Result::unwrap)[0].replayed, "its key says what it is, under whatever secret");
    }
    assert_eq!(world.stock().await.on_hand, 15);
}

#[tokio::test]
async fn a_retry_whose_first_sending_went_through_another_process_meanwhile_has_no_second_effect() {
    let world = World::new().await;
    given(&world.one, receive(5), once()).await.unwrap();
    let first = given(&world.other, reserve(1, 2), keyed("a")).await.unwrap();
    given(&world.other, receive(1), once()).await.unwrap();
    // Nothing but the key tells the first process that this was done; its own state is two versions behind.
    let [again, new] = at_once(&world.one, [(reserve(1, 2), keyed("a")), (reserve(2, 2), keyed("b"))]).await;
    assert_eq!((again.as_ref().unwrap().version, again.unwrap().replayed), (first.version, true));
    assert_eq!((new.as_ref().unwrap().version, new.unwrap().replayed), (Version(4), false));
}

#[tokio::test]
async fn a_command_that_names_a_version_counts_what_was_decided_before_it() {
    let world = World::new().await;
    given(&world.one, receive(5), once()).await.unwrap();
    let expecting = |version| Intent { expected: Some(Version(version)), ..once() };
    let outcomes = at_once(
        &world.one,
        [(receive(1), expecting(1)), (receive(1), expecting(1)), (receive(1), expecting(2)), (receive(1), once())],
    );
    let stale = Rejected::Stale { expected: Version(1), actual: Version(2) }.to_string();
    assert_eq!(told(outcomes.await), [Ok(2), Err(stale), Ok(3), Ok(4)]);
}

#[tokio::test]
async fn commands_with_much_to_say_are_spread_over_several_commits() {
    let world = World::new().await;
    let long = "ä".repeat(500);
    let all = (0..100).map(|_| given(&world.one, receive_because(1, &long), once()));
    let versions: Vec<_> = join_all(all).await.into_iter().map(|done| done.unwrap().version.0).collect();
    assert_eq!(versions, (1..=100).collect::<Vec<_>>());
    let commits = world.commits().await;
    assert!((2..=4).contains(&commits.len()), "{} commits", commits.len());
    for commit in &commits {
        let bytes: usize = commit.events.iter().map(|event| event.data.as_bytes().len()).sum();
        assert!(bytes <= 64 * 1024, "{bytes} bytes");
    }
    assert_eq!(fold::<Stock>(&world.events().await).unwrap().on_hand, 100);
}
