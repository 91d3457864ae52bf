//! What operators can do with a fulfilment, state by state.

use domain::fulfilment::{Ask, Fulfilment, FulfilmentCommand, Operator};
use domain::{Aggregate as _, Refusal};
use schemas::{FulfilmentEvent, FulfilmentResult, FulfilmentStatus, Timestamp, Version};

use super::world::{Provider, World};
use super::{result, without_the_provider};
use crate::check::{reason, user};

fn operator() -> Operator {
    Operator { user: user(9), reason: reason("the provider says so") }
}

fn ask(world: &World, ask: Ask) -> Result<Vec<FulfilmentEvent>, Refusal> {
    let hold_until = Timestamp::from_micros(1_000);
    Fulfilment::decide(world.state().as_ref(), &FulfilmentCommand { hold_until, ask })
}

/// It waits for an operator: nobody knows what the provider did.
fn failed() -> World {
    let mut world = World::new(&[("A", 5)]);
    without_the_provider(&mut world);
    assert!(world.provide(Provider::LosesTheAnswer));
    world.tell(Ask::OutcomeOverdue { since: Version(2) });
    assert_eq!(world.state().unwrap().status(), FulfilmentStatus::Failed);
    world
}

#[test]
fn what_never_began_is_not_found() {
    let world = World::new(&[("A", 5)]);
    for what in [Ask::Retry(operator()), Ask::Compensate(operator()), Ask::Abort(operator())] {
        assert_eq!(ask(&world, what), Err(Refusal::FulfilmentNotFound));
    }
}

#[test]
fn only_a_failed_fulfilment_is_tried_again_or_ended_as_it_stands() {
    let mut world = World::new(&[("A", 5)]);
    without_the_provider(&mut world);
    let waiting = Refusal::FulfilmentNotOperable { status: FulfilmentStatus::AwaitingPayment };
    for what in [Ask::Retry(operator()), Ask::Abort(operator())] {
        assert_eq!(ask(&world, what), Err(waiting.clone()));
    }
    world.settle();
    let completed = Refusal::FulfilmentNotOperable { status: FulfilmentStatus::Completed };
    for what in [Ask::Retry(operator()), Ask::Abort(operator()), Ask::Compensate(operator())] {
        assert_eq!(ask(&world, what), Err(completed.clone()));
    }
}

#[test]
fn an_outcome_that_is_known_by_then_does_not_fail() {
    let mut world = World::new(&[("A", 5)]);
    without_the_provider(&mut world);
    assert!(world.provide(Provider::LosesTheAnswer));
    world.settle();
    world.tell(Ask::OutcomeOverdue { since: Version(2) });
    assert_eq!(result(&world), Some(FulfilmentResult::Fulfilled));
}

#[test]
fn a_failed_fulfilment_goes_on_when_it_is_told_to() {
    let mut world = failed();
    world.settle();
    assert_eq!(result(&world), None, "it hears what happens, and waits");
    world.tell(Ask::Retry(operator()));
    world.settle();
    assert_eq!(result(&world), Some(FulfilmentResult::Fulfilled));
}

#[test]
fn a_failed_fulfilment_takes_back_what_it_did_when_it_is_told_to() {
    let mut world = failed();
    world.tell(Ask::Compensate(operator()));
    world.settle();
    assert_eq!(result(&world), Some(FulfilmentResult::Compensated));
}

#[test]
fn a_failed_fulfilment_ends_as_it_stands_when_it_is_told_to() {
    let mut world = failed();
    world.tell(Ask::Abort(operator()));
    assert_eq!(result(&world), Some(FulfilmentResult::Aborted));
    let before = world.fulfilment.clone();
    world.settle();
    assert_eq!(world.fulfilment, before, "whatever happens then is the operator's");
}
