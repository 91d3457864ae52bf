//! What operators and deadlines do to a fulfilment, state by state.

use domain::Refusal;
use domain::fulfilment::{Ask, Fulfilment, FulfilmentCommand, Operator, Task};
use schemas::{
    CompensationCause, FulfilmentCompensationStarted, FulfilmentCompleted, FulfilmentEvent, FulfilmentFailed,
    FulfilmentResult, FulfilmentResumed, FulfilmentStatus, FulfilmentStep, FulfilmentStepRecorded, Version,
};

use super::without_the_provider;
use super::world::{Provider, UNTIL, World};
use crate::check::{check, reason, sku, user};

const WHY: &str = "the provider says so";

type Decision = Result<Vec<FulfilmentEvent>, Refusal>;

pub(super) fn operator() -> Operator {
    Operator { user: user(9), reason: reason(WHY) }
}

/// An order of one SKU whose fulfilment has come so far. What it failed of is that nobody knows whether there is money.
pub(super) fn come_to(status: FulfilmentStatus) -> World {
    let mut world = World::new(&[("A", 5)]);
    match status {
        FulfilmentStatus::Reserving => assert!(world.deliver_order()),
        FulfilmentStatus::AwaitingPayment => without_the_provider(&mut world),
        FulfilmentStatus::Capturing => {
            world = come_to(FulfilmentStatus::AwaitingPayment);
            assert!(world.provide(Provider::Does));
            without_the_provider(&mut world);
        }
        FulfilmentStatus::Committing => {
            world = come_to(FulfilmentStatus::Capturing);
            assert!(world.provide(Provider::Does) && world.deliver_payment());
        }
        FulfilmentStatus::Completed => world.settle(),
        FulfilmentStatus::Compensating => {
            world = come_to(FulfilmentStatus::AwaitingPayment);
            world.tell(Ask::PaymentOverdue);
        }
        FulfilmentStatus::Failed => {
            world = come_to(FulfilmentStatus::AwaitingPayment);
            assert!(world.provide(Provider::LosesTheAnswer));
            world.tell(Ask::OutcomeOverdue { since: Version(2) });
        }
    }
    assert_eq!(world.state().unwrap().status(), status);
    world
}

/// What comes of it in every state, in the order of [`FulfilmentStatus::ALL`].
fn check_all(ask: &Ask, then: [Decision; 7]) {
    assert_eq!(FulfilmentStatus::ALL.len(), then.len());
    for (status, then) in FulfilmentStatus::ALL.iter().zip(then) {
        let when = FulfilmentCommand { hold_until: UNTIL, ask: ask.clone() };
        check::<Fulfilment>(&come_to(*status).fulfilment, &when, then);
    }
}

fn no(status: FulfilmentStatus) -> Decision {
    Err(Refusal::FulfilmentNotOperable { status })
}

fn nothing() -> Decision {
    Ok(vec![])
}

fn step(number: i64, step: FulfilmentStep) -> FulfilmentEvent {
    FulfilmentEvent::StepRecorded(FulfilmentStepRecorded { number, step, sku: None, until: None })
}

/// A step with the stock of A.
fn with_a(number: i64, step: FulfilmentStep) -> FulfilmentEvent {
    FulfilmentEvent::StepRecorded(FulfilmentStepRecorded { number, step, sku: Some(sku("A")), until: None })
}

/// An operator has it take back what it did, by these steps.
fn taken_back<const N: usize>(steps: [FulfilmentEvent; N]) -> Decision {
    let (cause, reason, by) = (CompensationCause::Operator, Some(WHY.to_owned()), Some(user(9)));
    compensates(FulfilmentCompensationStarted { cause, reason, by }, steps)
}

/// It takes back what it did because the money is late, by these steps.
fn too_late<const N: usize>(steps: [FulfilmentEvent; N]) -> Decision {
    let cause = CompensationCause::PaymentOverdue;
    compensates(FulfilmentCompensationStarted { cause, reason: None, by: None }, steps)
}

fn compensates<const N: usize>(started: FulfilmentCompensationStarted, steps: [FulfilmentEvent; N]) -> Decision {
    Ok([vec![FulfilmentEvent::CompensationStarted(started)], steps.into()].concat())
}

fn resumed() -> Decision {
    Ok(vec![FulfilmentEvent::Resumed(FulfilmentResumed { reason: WHY.to_owned(), by: user(9) })])
}

fn aborted() -> Decision {
    let (result, reason, by) = (FulfilmentResult::Aborted, Some(WHY.to_owned()), Some(user(9)));
    Ok(vec![FulfilmentEvent::Completed(FulfilmentCompleted { result, reason, by })])
}

fn nobody_knows() -> Decision {
    let reason = "nobody knows what the provider did".to_owned();
    Ok(vec![FulfilmentEvent::Failed(FulfilmentFailed { reason })])
}

/// What comes of it where everything was taken back or nothing goes on; nowhere else is there such a thing to ask for.
fn check_last(ask: &Ask, compensating: Decision, failed: Decision) {
    check_all(
        ask,
        [
            no(FulfilmentStatus::Reserving),
            no(FulfilmentStatus::AwaitingPayment),
            no(FulfilmentStatus::Capturing),
            no(FulfilmentStatus::Committing),
            no(FulfilmentStatus::Completed),
            compensating,
            failed,
        ],
    );
}

#[test]
fn only_a_failed_fulfilment_is_tried_again() {
    check_last(&Ask::Retry(operator()), no(FulfilmentStatus::Compensating), resumed());
}

#[test]
fn only_what_failed_or_takes_back_what_it_did_is_ended_as_it_stands() {
    check_last(&Ask::Abort(operator()), aborted(), aborted());
}

#[test]
fn what_has_not_ended_takes_back_what_it_did_when_an_operator_says_so() {
    use FulfilmentStep::{Cancel, Release, Void};
    check_all(
        &Ask::Compensate(operator()),
        [
            taken_back([step(2, Cancel)]),
            taken_back([step(4, Void), with_a(5, Release), step(6, Cancel)]),
            taken_back([with_a(5, Release), step(6, Cancel)]),
            taken_back([step(7, Cancel)]),
            no(FulfilmentStatus::Completed),
            nothing(),
            taken_back([step(4, Void), with_a(5, Release), step(6, Cancel)]),
        ],
    );
}

#[test]
fn only_money_that_is_not_there_yet_can_be_late() {
    use FulfilmentStep::{Cancel, Release, Void};
    check_all(
        &Ask::PaymentOverdue,
        [
            nothing(),
            too_late([step(4, Void), with_a(5, Release), step(6, Cancel)]),
            nothing(),
            nothing(),
            nothing(),
            nothing(),
            // It failed while it waited for the money.
            too_late([step(4, Void), with_a(5, Release), step(6, Cancel)]),
        ],
    );
}

#[test]
fn money_that_waits_for_pieces_is_not_late() {
    let mut world = come_to(FulfilmentStatus::AwaitingPayment);
    world.expire(0);
    while world.deliver(2) {}
    assert!(world.provide(Provider::Does));
    while world.deliver_payment() {}
    let state = world.state().unwrap();
    assert_eq!(state.status(), FulfilmentStatus::AwaitingPayment);
    assert!(state.open.contains_key(&Task::with(FulfilmentStep::Reserve, &sku("A"))), "{:#?}", state.open);
    let when = FulfilmentCommand { hold_until: UNTIL, ask: Ask::PaymentOverdue };
    check::<Fulfilment>(&world.fulfilment, &when, nothing());
}

#[test]
fn only_what_waits_for_the_provider_fails_of_an_outcome_that_nobody_knows() {
    check_all(
        &Ask::OutcomeOverdue { since: Version(9) },
        [nothing(), nobody_knows(), nobody_knows(), nothing(), nothing(), nobody_knows(), nothing()],
    );
}

#[test]
fn only_what_the_step_that_is_meant_asks_of_the_provider_is_overdue() {
    // Asking for the money is the third step, taking it the fourth, and so is letting it go.
    for (number, then) in [
        (3, [nothing(), nobody_knows(), nothing(), nothing(), nothing(), nobody_knows(), nothing()]),
        (4, [nothing(), nothing(), nobody_knows(), nothing(), nothing(), nobody_knows(), nothing()]),
        (9, [nothing(), nothing(), nothing(), nothing(), nothing(), nothing(), nothing()]),
    ] {
        check_all(&Ask::StepOverdue { number }, then);
    }
}

#[test]
fn an_outcome_of_which_more_is_known_since_is_not_overdue() {
    check_all(
        &Ask::OutcomeOverdue { since: Version(1) },
        [nothing(), nobody_knows(), nothing(), nothing(), nothing(), nobody_knows(), nothing()],
    );
}

#[test]
fn a_refund_that_nobody_knows_of_waits_for_an_operator() {
    let mut world = come_to(FulfilmentStatus::Committing);
    world.tell(Ask::Compensate(operator()));
    without_the_provider(&mut world);
    let number = world.state().unwrap().asked_of_the_provider().next().unwrap();
    let when = FulfilmentCommand { hold_until: UNTIL, ask: Ask::StepOverdue { number } };
    check::<Fulfilment>(&world.fulfilment, &when, nobody_knows());
}
