//! What holds however records are ordered, repeated and interrupted.

use domain::fulfilment::{Ask, Phase};
use domain::payment::PaymentState;
use proptest::collection::vec;
use proptest::prelude::*;
use schemas::{FulfilmentResult, OrderStatus};

use super::world::{Provider, QUANTITY, World};

/// Something that may happen at any time.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Deliver(usize),
    Redeliver(usize, usize),
    Give { dies: bool },
    Provide(Provider),
    Cancel,
    Expire(usize),
    SellOut(usize),
    PaymentOverdue,
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
        5 => provider.prop_map(Happening::Provide),
        1 => Just(Happening::Cancel),
        1 => which.clone().prop_map(Happening::Expire),
        1 => which.prop_map(Happening::SellOut),
        1 => Just(Happening::PaymentOverdue),
    ]
}

fn happen(world: &mut World, happening: Happening) {
    match happening {
        Happening::Deliver(which) => drop(world.deliver(which)),
        Happening::Redeliver(which, back) => world.redeliver(which, back),
        Happening::Give { dies } => drop(world.give(dies)),
        Happening::Provide(provider) => drop(world.provide(provider)),
        Happening::Cancel => world.cancel(),
        Happening::Expire(which) => world.expire(which),
        Happening::SellOut(which) => world.sell_out(which),
        Happening::PaymentOverdue => world.tell(Ask::PaymentOverdue),
    }
}

/// Minor units that were taken and not given back.
fn net(world: &World) -> i64 {
    let Some(PaymentState::Captured(taken)) = world.payment() else { return 0 };
    taken.hold.details.amount.amount - taken.refunded()
}

/// Whether money is still set aside.
fn is_set_aside(world: &World) -> bool {
    matches!(world.payment(), Some(PaymentState::Authorized(_)))
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
        for happening in happenings {
            happen(&mut world, happening);
        }
        world.settle();

        let state = world.state().unwrap();
        let order = world.order();
        let Phase::Completed(result) = state.phase else { unreachable!("it never ends: {world:#?}") };
        prop_assert!(state.failure.is_none() && state.open.is_empty(), "{:#?}", world);
        match result {
            FulfilmentResult::Fulfilled => {
                prop_assert_eq!(order.status, OrderStatus::Paid);
                prop_assert_eq!(net(&world), order.details.total.amount, "{:#?}", world);
            }
            FulfilmentResult::Compensated => {
                let ended = matches!(order.status, OrderStatus::Cancelled | OrderStatus::Rejected);
                prop_assert!(ended && net(&world) == 0 && !is_set_aside(&world), "{:#?}", world);
            }
            FulfilmentResult::Aborted | FulfilmentResult::Unknown => unreachable!("nobody asked for that: {world:#?}"),
        }
        for sku in world.skus() {
            let handed_out = if result == FulfilmentResult::Fulfilled { QUANTITY } else { 0 };
            let held = world.stock(&sku).and_then(|stock| stock.holds.of(&world.id));
            prop_assert!(held.is_none(), "{:#?}", world);
            prop_assert_eq!(world.handed_out(&sku), handed_out, "{:#?}", world);
        }
    }
}
