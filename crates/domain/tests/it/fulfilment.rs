//! The fulfilment: which steps it decides on, told in whatever order. `laws.rs` lets everything happen at random.

mod laws;
mod operators;
mod states;
mod world;

use domain::fulfilment::{Ask, News, OpenStep, PaymentNews, Phase, Task};
use domain::payment::PaymentState;
use schemas::{
    FulfilmentEvent, FulfilmentOutcome, FulfilmentResult, FulfilmentStatus, FulfilmentStep, FulfilmentStepRecorded,
    OrderStatus, RefundId, Version,
};

use states::{come_to, operator};
use world::{Provider, QUANTITY, World};

/// The steps that were decided on, in order, with the SKU of those that have one.
fn steps(world: &World) -> Vec<String> {
    let step = |recorded: &FulfilmentStepRecorded| match &recorded.sku {
        Some(sku) => format!("{} {sku}", recorded.step),
        None => recorded.step.to_string(),
    };
    recorded(world).map(step).collect()
}

fn recorded(world: &World) -> impl Iterator<Item = &FulfilmentStepRecorded> {
    world
        .fulfilment
        .iter()
        .filter_map(|event| if let FulfilmentEvent::StepRecorded(recorded) = event { Some(recorded) } else { None })
}

/// Lets everything happen that can, but nothing at the provider.
fn without_the_provider(world: &mut World) {
    while (0..4).any(|which| world.deliver(which)) || world.give(false) {}
}

fn result(world: &World) -> Option<FulfilmentResult> {
    if let Phase::Completed(result) = world.state().unwrap().phase { Some(result) } else { None }
}

/// Minor units that were taken and not given back.
fn net(world: &World) -> i64 {
    let Some(PaymentState::Captured(taken)) = world.payment() else { return 0 };
    taken.hold.details.amount.amount - taken.refunded()
}

#[test]
fn an_order_with_stock_and_a_good_card_is_carried_out() {
    let mut world = World::new(&[("B", 5), ("A", 3)]);
    world.settle();
    assert_eq!(
        steps(&world),
        [
            "reserve A",
            "reserve B",
            "confirm_reservation",
            "request_payment",
            "capture",
            "mark_paid",
            "commit_stock A",
            "commit_stock B",
        ]
    );
    assert_eq!((world.order().status, result(&world)), (OrderStatus::Paid, Some(FulfilmentResult::Fulfilled)));
}

#[test]
fn an_order_that_lacks_one_sku_is_rejected_and_the_others_are_released() {
    let mut world = World::new(&[("A", 5), ("B", 2)]);
    world.settle();
    assert_eq!(steps(&world), ["reserve A", "reserve B", "release A", "reject"]);
    assert_eq!(world.order().status, OrderStatus::Rejected);
    assert_eq!(result(&world), Some(FulfilmentResult::Compensated));
}

#[test]
fn a_declined_card_releases_the_pieces_and_calls_the_order_off() {
    let mut world = World::new(&[("A", 5)]);
    without_the_provider(&mut world);
    assert!(world.provide(Provider::Declines));
    world.settle();
    assert_eq!(steps(&world)[3..], ["release A", "cancel"]);
    assert_eq!(world.order().status, OrderStatus::Cancelled);
}

#[test]
fn money_that_is_late_is_let_go_whatever_the_provider_answers_then() {
    for provider in [Provider::Does, Provider::Declines] {
        let mut world = World::new(&[("A", 5)]);
        without_the_provider(&mut world);
        world.tell(Ask::PaymentOverdue);
        without_the_provider(&mut world);
        assert_eq!(steps(&world)[3..], ["void", "release A", "cancel"]);
        assert!(world.provide(provider));
        world.settle();
        assert_eq!(result(&world), Some(FulfilmentResult::Compensated));
    }
}

#[test]
fn a_deadline_that_comes_when_the_money_is_there_changes_nothing() {
    let mut world = World::new(&[("A", 5)]);
    world.settle();
    let before = world.fulfilment.clone();
    world.tell(Ask::PaymentOverdue);
    assert_eq!(world.fulfilment, before);
}

#[test]
fn a_hold_that_expired_is_taken_again_before_the_money_is() {
    let mut world = World::new(&[("A", 5)]);
    without_the_provider(&mut world);
    world.expire(0);
    without_the_provider(&mut world);
    assert!(world.provide(Provider::Does));
    world.settle();
    assert_eq!(steps(&world)[3..], ["reserve A", "capture", "mark_paid", "commit_stock A"]);
    assert_eq!(result(&world), Some(FulfilmentResult::Fulfilled));
}

#[test]
fn if_the_pieces_are_gone_by_then_the_money_is_let_go() {
    let mut world = World::new(&[("A", 5)]);
    without_the_provider(&mut world);
    world.expire(0);
    world.sell_out(0);
    without_the_provider(&mut world);
    assert!(world.provide(Provider::Does));
    world.settle();
    assert_eq!(steps(&world)[3..], ["reserve A", "void", "cancel"]);
    assert_eq!(world.order().status, OrderStatus::Cancelled);
}

#[test]
fn if_they_are_gone_when_the_money_is_taken_it_is_given_back() {
    let mut world = World::new(&[("A", 5)]);
    without_the_provider(&mut world);
    assert!(world.provide(Provider::Does));
    without_the_provider(&mut world);
    world.expire(0);
    world.sell_out(0);
    assert!(world.provide(Provider::Does));
    world.settle();
    assert_eq!(result(&world), Some(FulfilmentResult::Compensated));
    assert!(steps(&world).contains(&"refund".to_owned()), "{:?}", steps(&world));
    assert_eq!(world.order().status, OrderStatus::Cancelled);
}

#[test]
fn an_order_is_not_marked_paid_while_pieces_are_asked_for_again() {
    let mut world = come_to(FulfilmentStatus::Capturing);
    world.expire(0);
    while world.deliver(2) {}
    assert!(world.provide(Provider::Does) && world.deliver_payment());
    assert_eq!(steps(&world)[4..], ["reserve A"]);
    world.settle();
    assert_eq!(steps(&world)[5..], ["mark_paid", "commit_stock A"]);
}

#[test]
fn an_order_called_off_while_it_is_paid_lets_the_money_go() {
    let mut world = World::new(&[("A", 5)]);
    without_the_provider(&mut world);
    world.cancel();
    world.settle();
    assert_eq!(steps(&world)[3..], ["void", "release A"]);
    assert_eq!(result(&world), Some(FulfilmentResult::Compensated));
}

#[test]
fn an_order_called_off_after_it_was_paid_gives_money_and_pieces_back() {
    let mut world = World::new(&[("A", 5)]);
    world.settle();
    world.cancel();
    world.settle();
    assert_eq!(steps(&world)[6..], ["refund", "restock A"]);
    assert_eq!((world.order().status, result(&world)), (OrderStatus::Cancelled, Some(FulfilmentResult::Compensated)));
}

/// Somebody's refund was under way when the order was called off, and so was counted as given back.
#[test]
fn a_refund_that_is_refused_when_all_was_given_back_waits_for_an_operator() {
    let refused_late = || {
        let mut world = World::new(&[("A", 5)]);
        world.settle();
        world.cancel();
        world.settle();
        world.tell(refund_refused());
        assert_eq!(world.state().unwrap().status(), FulfilmentStatus::Failed);
        world
    };
    let mut given_back_otherwise = refused_late();
    given_back_otherwise.tell(Ask::Retry(operator()));
    given_back_otherwise.tell(refund_refused());
    assert_eq!(given_back_otherwise.state().unwrap().status(), FulfilmentStatus::Completed, "it is known already");
    let mut given_back_again = refused_late();
    given_back_again.tell(Ask::Compensate(operator()));
    assert_eq!(steps(&given_back_again)[6..], ["refund", "restock A", "refund"]);
}

fn refund_refused() -> Ask {
    let refund = RefundId::parse("by-hand").unwrap();
    Ask::Hear(News::Payment { version: Version(90), news: PaymentNews::RefundRejected(refund) })
}

#[test]
fn a_step_that_comes_again_is_settled_once() {
    let mut world = World::new(&[("A", 5)]);
    world.settle();
    let before = world.fulfilment.clone();
    for (task, OpenStep { number, .. }) in world.state().unwrap().open {
        world.tell(Ask::Settle { task, number, outcome: FulfilmentOutcome::Refused });
    }
    for which in 0..3 {
        world.redeliver(which, 10);
    }
    world.settle();
    assert_eq!(world.fulfilment, before, "records that come again change nothing");
}

/// Seen to fail when a hold is committed whatever its time, and when an answer counts for any step of its kind.
#[test]
fn a_step_that_is_given_again_late_meets_neither_the_next_hold_nor_a_later_step() {
    let mut world = come_to(FulfilmentStatus::Capturing);
    world.expire(0);
    assert!(world.provide(Provider::Does) && world.deliver_payment());
    let commit = Task::with(FulfilmentStep::CommitStock, &world.skus()[0]);
    let first = world.state().unwrap().open[&commit].number;
    for what in ["will mark it paid", "does", "has its answer", "will hand the pieces out"] {
        assert!(world.second(), "the second process {what}");
    }
    while world.give(false) {}
    assert!(world.second(), "its command comes late");
    while world.deliver(2) {}
    let open = world.state().unwrap().open;
    assert!(open[&commit].number > first, "the pieces are held again, and are to be handed out: {open:#?}");
    assert!(world.second(), "its answer comes late");
    assert_eq!(world.state().unwrap().open, open);
    world.settle();
    assert_eq!(result(&world), Some(FulfilmentResult::Fulfilled));
    assert_eq!(world.handed_out(&world.skus()[0]), QUANTITY);
}

#[test]
fn steps_are_numbered_from_one_without_gaps() {
    let mut world = World::new(&[("A", 5), ("B", 2)]);
    world.settle();
    assert_eq!(recorded(&world).map(|recorded| recorded.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(!steps(&world).contains(&FulfilmentStep::Unknown.to_string()));
}
