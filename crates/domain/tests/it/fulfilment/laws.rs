//! What holds however records are ordered, repeated and interrupted.

use domain::fulfilment::{Ask, Phase};
use domain::payment::PaymentState;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use schemas::{FulfilmentEvent, FulfilmentResult, OrderStatus};

use super::net;
use super::states::operator;
use super::world::{Provider, QUANTITY, World};

/// Something that may happen at any time.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Deliver(usize),
    Redeliver(usize, usize),
    Give { dies: bool },
    Second,
    Provide(Provider),
    Cancel,
    Expire(usize),
    SellOut(usize),
    PaymentOverdue,
    OutcomeOverdue,
    StepOverdue,
    Retry,
    Compensate,
    Abort,
}

fn happening() -> impl Strategy<Value = Happening> {
    let which = 0..4_usize;
    let provider = prop_oneof![
        4 => Just(Provider::Does),
        1 => Just(Provider::Declines),
        1 => Just(Provider::LosesTheAnswer),
    ];
    prop_oneof![
        12 => which.clone().prop_map(Happening::Deliver),
        2 => (which.clone(), 1..6_usize).prop_map(|(which, back)| Happening::Redeliver(which, back)),
        10 => prop::bool::weighted(0.2).prop_map(|dies| Happening::Give { dies }),
        6 => Just(Happening::Second),
        5 => provider.prop_map(Happening::Provide),
        1 => Just(Happening::Cancel),
        1 => which.clone().prop_map(Happening::Expire),
        1 => which.prop_map(Happening::SellOut),
        1 => Just(Happening::PaymentOverdue),
        2 => Just(Happening::OutcomeOverdue),
        1 => Just(Happening::StepOverdue),
        1 => Just(Happening::Retry),
        1 => Just(Happening::Compensate),
        1 => Just(Happening::Abort),
    ]
}

fn happen(world: &mut World, happening: Happening) {
    match happening {
        Happening::Deliver(which) => drop(world.deliver(which)),
        Happening::Redeliver(which, back) => world.redeliver(which, back),
        Happening::Give { dies } => drop(world.give(dies)),
        Happening::Second => drop(world.second()),
        Happening::Provide(provider) => drop(world.provide(provider)),
        Happening::Cancel => world.cancel(),
        Happening::Expire(which) => world.expire(which),
        Happening::SellOut(which) => world.sell_out(which),
        Happening::PaymentOverdue => world.tell(Ask::PaymentOverdue),
        Happening::OutcomeOverdue => world.outcome_overdue(),
        Happening::StepOverdue => world.step_overdue(),
        Happening::Retry => operate(world, Ask::Retry(operator())),
        Happening::Compensate => operate(world, Ask::Compensate(operator())),
        Happening::Abort => operate(world, Ask::Abort(operator())),
    }
}

/// Operators may ask for what is not possible now.
fn operate(world: &mut World, ask: Ask) {
    let _not_now = world.ask(ask);
}

/// Whether money is still set aside.
fn is_set_aside(world: &World) -> bool {
    matches!(world.payment(), Some(PaymentState::Authorized(_)))
}

/// Everything that can still happen happens; what waits for an operator then is told to go on.
fn come_to_an_end(world: &mut World) {
    world.settle();
    if world.state().unwrap().failure.is_some() {
        world.tell(Ask::Retry(operator()));
        world.settle();
    }
}

/// Nothing of this world's makes a fulfilment wait for an operator but an answer that was lost.
fn fails_of_lost_answers_alone(world: &World) -> bool {
    let lost = "nobody knows what the provider did";
    world.fulfilment.iter().all(|event| !matches!(event, FulfilmentEvent::Failed(failed) if failed.reason != lost))
}

/// Where the pieces are of an order that ended by itself.
fn check_pieces(world: &World, handed_out: i64) -> Result<(), TestCaseError> {
    for sku in world.skus() {
        let held = world.stock(&sku).and_then(|stock| stock.holds.of(&world.id));
        prop_assert!(held.is_none(), "{:#?}", world);
        prop_assert_eq!(world.handed_out(&sku), handed_out, "{:#?}", world);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_order_ends_with_its_money_and_pieces_where_they_belong(
        pieces in vec(prop_oneof![1 => 0..QUANTITY, 5 => QUANTITY..10], 1..3),
        happenings in vec(happening(), 0..80),
    ) {
        let names = ["A", "B"];
        let stock: Vec<_> = names.into_iter().zip(pieces).collect();
        let mut world = World::new(&stock);
        for happening in &happenings {
            happen(&mut world, *happening);
        }
        come_to_an_end(&mut world);

        let state = world.state().unwrap();
        let order = world.order();
        let Phase::Completed(result) = state.phase else { unreachable!("it never ends: {world:#?}") };
        prop_assert!(state.failure.is_none() && state.open.is_empty(), "{:#?}", world);
        prop_assert!(fails_of_lost_answers_alone(&world), "{:#?}", world);
        match result {
            FulfilmentResult::Fulfilled => {
                prop_assert_eq!(order.status, OrderStatus::Paid);
                prop_assert_eq!(net(&world), order.details.total.amount, "{:#?}", world);
                check_pieces(&world, QUANTITY)?;
            }
            FulfilmentResult::Compensated => {
                let ended = matches!(order.status, OrderStatus::Cancelled | OrderStatus::Rejected);
                prop_assert!(ended && net(&world) == 0 && !is_set_aside(&world), "{:#?}", world);
                check_pieces(&world, 0)?;
            }
            // As it stood: the rest is the operator's.
            FulfilmentResult::Aborted => {
                let asked = happenings.iter().any(|happening| matches!(happening, Happening::Abort));
                let is_last = matches!(world.fulfilment.last(), Some(FulfilmentEvent::Completed(_)));
                let (taken, total) = (net(&world), order.details.total.amount);
                prop_assert!(asked && is_last && (taken == 0 || taken == total), "{:#?}", world);
            }
            FulfilmentResult::Unknown => unreachable!("nobody asked for that: {world:#?}"),
        }
    }
}
