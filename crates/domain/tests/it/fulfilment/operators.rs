//! What comes of a fulfilment when operators have had their say. What each state makes of it: `states.rs`.

use domain::Refusal;
use domain::fulfilment::Ask;
use schemas::{FulfilmentResult, FulfilmentStatus, OrderStatus, Version};

use super::states::{come_to, operator};
use super::world::{Provider, QUANTITY, World};
use super::{net, result, steps, without_the_provider};

#[test]
fn what_never_began_is_not_found() {
    let mut world = World::new(&[("A", 5)]);
    for what in [Ask::Retry(operator()), Ask::Compensate(operator()), Ask::Abort(operator())] {
        assert_eq!(world.ask(what), Err(Refusal::FulfilmentNotFound));
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
    let mut world = come_to(FulfilmentStatus::Failed);
    world.settle();
    assert_eq!(result(&world), None, "it hears what happens, and waits");
    world.tell(Ask::Retry(operator()));
    world.settle();
    assert_eq!(result(&world), Some(FulfilmentResult::Fulfilled));
}

#[test]
fn a_fulfilment_that_is_told_to_take_back_what_it_did_leaves_nothing_behind() {
    for status in FulfilmentStatus::ALL.iter().filter(|status| **status != FulfilmentStatus::Completed) {
        let mut world = come_to(*status);
        world.tell(Ask::Compensate(operator()));
        world.settle();
        assert_eq!(result(&world), Some(FulfilmentResult::Compensated), "{status}");
        assert_eq!((world.order().status, net(&world)), (OrderStatus::Cancelled, 0), "{status}");
        for sku in world.skus() {
            let stock = world.stock(&sku).unwrap();
            assert_eq!((stock.holds.of(&world.id), stock.available()), (None, 5), "{status}");
        }
    }
}

#[test]
fn of_an_order_that_was_shipped_meanwhile_nothing_is_taken_back() {
    let mut world = come_to(FulfilmentStatus::Committing);
    assert!(world.give(false), "it is marked paid");
    world.ship();
    world.tell(Ask::Compensate(operator()));
    world.settle();
    assert_eq!(world.state().unwrap().status(), FulfilmentStatus::Failed);
    assert_eq!(steps(&world)[6..], ["cancel"]);
    assert_eq!((world.order().status, net(&world)), (OrderStatus::Shipped, 300));
    assert_eq!(world.handed_out(&world.skus()[0]), QUANTITY);
}

#[test]
fn pieces_that_a_full_stock_does_not_take_back_wait_for_an_operator_and_the_money_does_not() {
    let mut world = World::new(&[("A", 5)]);
    world.settle();
    let sku = world.skus()[0].clone();
    world.fill_up(&sku);
    world.cancel();
    world.settle();
    assert_eq!(world.state().unwrap().status(), FulfilmentStatus::Failed);
    assert_eq!((world.order().status, net(&world)), (OrderStatus::Cancelled, 0));
    assert_eq!(world.handed_out(&sku), QUANTITY);
    world.sell_out(0);
    world.tell(Ask::Retry(operator()));
    world.settle();
    assert_eq!((world.handed_out(&sku), result(&world)), (0, Some(FulfilmentResult::Compensated)));
}

#[test]
fn a_failed_fulfilment_ends_as_it_stands_when_it_is_told_to() {
    let mut world = come_to(FulfilmentStatus::Failed);
    world.tell(Ask::Abort(operator()));
    assert_eq!(result(&world), Some(FulfilmentResult::Aborted));
    let before = world.fulfilment.clone();
    world.expire(0);
    world.settle();
    assert_eq!(world.fulfilment, before, "whatever happens then is the operator's");
}
