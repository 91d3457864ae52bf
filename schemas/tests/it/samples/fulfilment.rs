//! Events of fulfilments.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::{option, sample};
use schemas::{
    AnyEvent, CompensationCause, Currency, FulfilmentCompensationStarted, FulfilmentCompleted, FulfilmentEvent,
    FulfilmentFailed, FulfilmentHoldLost, FulfilmentItem, FulfilmentOutcome, FulfilmentPaymentLost, FulfilmentResult,
    FulfilmentResumed, FulfilmentStarted, FulfilmentStep, FulfilmentStepDone, FulfilmentStepRecorded, Money,
    PaymentMethod, Sku, Timestamp, UserId,
};

use super::{money, order_id, payment, sku, user_id};

/// One event per record with every field filled, in the order of the records.
pub(super) fn one_of_each() -> [FulfilmentEvent; 9] {
    let sku = Sku::parse("MUG-blue").unwrap();
    let user = UserId::from_bits(0x1234_5678_9abc_def0_1122_3344_5566_7788);
    let reason = "the customer called".to_owned();
    let step = FulfilmentStep::Reserve;
    [
        FulfilmentEvent::Started(FulfilmentStarted {
            order: schemas::OrderId::from_bits(0x0f1e_2d3c_4b5a_6978_8796_a5b4_c3d2_e1f0),
            user: user.clone(),
            items: vec![FulfilmentItem { sku: sku.clone(), quantity: 2 }],
            amount: Money { amount: 7_499, currency: Currency::parse("EUR").unwrap() },
            method: PaymentMethod::parse("pm_card_visa").unwrap(),
        }),
        FulfilmentEvent::StepRecorded(FulfilmentStepRecorded {
            number: 1,
            step,
            sku: Some(sku.clone()),
            until: Some(Timestamp::from_micros(1_700_000_900_000_000)),
        }),
        FulfilmentEvent::StepDone(FulfilmentStepDone {
            step,
            sku: Some(sku.clone()),
            outcome: FulfilmentOutcome::Done,
            version: 17,
        }),
        FulfilmentEvent::HoldLost(FulfilmentHoldLost { sku, version: 18 }),
        FulfilmentEvent::PaymentLost(FulfilmentPaymentLost { version: 3 }),
        FulfilmentEvent::CompensationStarted(FulfilmentCompensationStarted {
            cause: CompensationCause::Operator,
            reason: Some(reason.clone()),
            by: Some(user.clone()),
        }),
        FulfilmentEvent::Completed(FulfilmentCompleted {
            result: FulfilmentResult::Compensated,
            reason: Some(reason.clone()),
            by: Some(user.clone()),
        }),
        FulfilmentEvent::Failed(FulfilmentFailed { reason: "the money cannot be given back".to_owned() }),
        FulfilmentEvent::Resumed(FulfilmentResumed { reason, by: user }),
    ]
}

/// Any event that its types allow.
pub(super) fn any_event() -> impl Strategy<Value = AnyEvent> {
    prop_oneof![started(), step_recorded(), step_done(), turn(), intervention()].prop_map(AnyEvent::from)
}

fn started() -> impl Strategy<Value = FulfilmentEvent> {
    let item = (sku(), any::<i64>()).prop_map(|(sku, quantity)| FulfilmentItem { sku, quantity });
    (order_id(), user_id(), vec(item, 0..9), money(), payment::method()).prop_map(
        |(order, user, items, amount, method)| {
            FulfilmentEvent::Started(FulfilmentStarted { order, user, items, amount, method })
        },
    )
}

fn step_recorded() -> impl Strategy<Value = FulfilmentEvent> {
    let until = option::of(any::<i64>().prop_map(Timestamp::from_micros));
    (any::<i64>(), sample::select(FulfilmentStep::ALL), option::of(sku()), until).prop_map(
        |(number, step, sku, until)| FulfilmentEvent::StepRecorded(FulfilmentStepRecorded { number, step, sku, until }),
    )
}

fn step_done() -> impl Strategy<Value = FulfilmentEvent> {
    let outcome = sample::select(FulfilmentOutcome::ALL);
    (sample::select(FulfilmentStep::ALL), option::of(sku()), outcome, any::<i64>()).prop_map(
        |(step, sku, outcome, version)| FulfilmentEvent::StepDone(FulfilmentStepDone { step, sku, outcome, version }),
    )
}

/// What turns it into another direction.
fn turn() -> impl Strategy<Value = FulfilmentEvent> {
    prop_oneof![
        (sku(), any::<i64>()).prop_map(|(sku, version)| FulfilmentEvent::HoldLost(FulfilmentHoldLost { sku, version })),
        any::<i64>().prop_map(|version| FulfilmentEvent::PaymentLost(FulfilmentPaymentLost { version })),
        any::<String>().prop_map(|reason| FulfilmentEvent::Failed(FulfilmentFailed { reason })),
    ]
}

/// What an operator may have asked for.
fn intervention() -> impl Strategy<Value = FulfilmentEvent> {
    let (reason, by) = (|| option::of(any::<String>()), || option::of(user_id()));
    prop_oneof![
        (sample::select(CompensationCause::ALL), reason(), by()).prop_map(|(cause, reason, by)| {
            FulfilmentEvent::CompensationStarted(FulfilmentCompensationStarted { cause, reason, by })
        }),
        (sample::select(FulfilmentResult::ALL), reason(), by()).prop_map(|(result, reason, by)| {
            FulfilmentEvent::Completed(FulfilmentCompleted { result, reason, by })
        }),
        (any::<String>(), user_id())
            .prop_map(|(reason, by)| FulfilmentEvent::Resumed(FulfilmentResumed { reason, by })),
    ]
}
