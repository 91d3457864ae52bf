//! Commands that go alone, and those that nobody can answer.

use std::sync::Arc;
use std::time::Duration;

use domain::stock::Stock;
use event_store::{Config, EventStore};
use runtime::Process;
use tokio::sync::oneshot::error::TryRecvError;

use super::world::{World, at_once, given, keyed, once, receive, sku};
use crate::streams::batch::Batch;
use crate::streams::pending::{Answered, Pending};
use crate::streams::queue::Queues;
use crate::streams::{Creates, MOST_COMMANDS, Rejected, Streams};

fn pending(creates: Creates) -> (Pending<Stock>, Answered) {
    Pending::new(creates, receive(1), once(), None)
}

#[tokio::test]
async fn a_command_that_creates_its_stream_is_found_again_in_its_first_commit() {
    let world = World::new().await;
    let create = || world.one.execute(world.stream.clone(), Creates::FromKey, receive(5), keyed("a"));
    let first = create().await.unwrap();
    let (again, another) = tokio::join!(create(), given(&world.one, receive(7), once()));
    let again = again.unwrap();
    assert_eq!((again.version, again.at, again.replayed), (first.version, first.at, true));
    assert_eq!(another.unwrap().version.0, 2);
    assert_eq!(world.commits().await.iter().map(|commit| commit.keys.len()).collect::<Vec<_>>(), [0, 0]);
}

#[test]
fn a_turn_takes_what_waits_in_order_and_ends_when_nothing_does() {
    let queues = Arc::new(Queues::new(5));
    let stream = sku().stock();
    let mut answers = Vec::new();
    let mut enter = |creates| {
        let (pending, answered) = pending(creates);
        answers.push(answered);
        queues.enter(&stream, pending)
    };
    let mut turn = enter(Creates::No).unwrap();
    for creates in [Creates::No, Creates::FromKey, Creates::FromKey].into_iter().chain([Creates::No; 5]) {
        assert!(enter(creates).is_none(), "the stream has one turn");
    }
    assert!(enter(Creates::No).is_none());
    let taken: Vec<_> = std::iter::from_fn(|| turn.take()).map(|batch| batch.len()).collect();
    assert_eq!(taken, [2, 1, 1, 5, 1]);
    assert!(enter(Creates::No).is_some(), "the stream is idle again");
}

#[test]
fn a_turn_that_breaks_off_leaves_the_stream_idle_and_nobody_waiting_for_ever() {
    let queues = Arc::new(Queues::new(MOST_COMMANDS));
    let stream = sku().stock();
    let (first, _) = pending(Creates::No);
    let (second, mut answered) = pending(Creates::No);
    let turn = queues.enter(&stream, first).unwrap();
    assert!(queues.enter(&stream, second).is_none());
    drop(turn);
    assert_eq!(answered.try_recv().err(), Some(TryRecvError::Closed));
    assert!(queues.enter(&stream, pending(Creates::No).0).is_some());
}

#[tokio::test]
async fn a_command_that_waited_for_too_long_is_told_so() {
    let world = World::new().await;
    tokio::time::pause();
    let (late, answered) = pending(Creates::No);
    tokio::time::advance(Duration::from_secs(11)).await;
    let (timely, in_time) = pending(Creates::No);
    tokio::time::resume();
    Batch::new(&world.one, &world.stream, vec![late, timely]).run().await;
    assert!(matches!(answered.await.unwrap(), Err(Rejected::Contended)));
    assert_eq!(in_time.await.unwrap().unwrap().version.0, 1);
}

#[tokio::test]
async fn an_outage_is_told_to_every_command_of_a_batch() {
    let process = Process::new("test", None);
    let nowhere = Config::new("mongodb://127.0.0.1:1/?replicaSet=none");
    let streams = Streams::new(EventStore::connect(nowhere, &process).await.unwrap());
    for outcome in at_once(&streams, [(receive(1), once()), (receive(1), keyed("a"))]).await {
        assert!(matches!(outcome, Err(Rejected::Store(_))), "{outcome:?}");
    }
}
