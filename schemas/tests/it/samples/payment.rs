//! The payment's events to test with.

use proptest::option;
use proptest::prelude::*;
use schemas::{
    AnyEvent, Currency, LastFour, Money, OrderId, PaymentAuthorized, PaymentCaptureRequested, PaymentCaptured,
    PaymentDeclined, PaymentEvent, PaymentExpired, PaymentMarkedUnknown, PaymentMethod, PaymentRefundRejected,
    PaymentRefundRequested, PaymentRefunded, PaymentRequested, PaymentVoidRequested, PaymentVoided, ProviderId,
    RefundId, UserId,
};

use super::{money, user_id};

/// See [`super::one_of_each`].
pub(super) fn one_of_each() -> Vec<AnyEvent> {
    let amount = Money { amount: 7_499, currency: Currency::parse("EUR").unwrap() };
    let part = Money { amount: 4_999, ..amount };
    let refund = RefundId::parse("return-17").unwrap();
    let events = [
        PaymentEvent::Requested(PaymentRequested {
            order: OrderId::from_bits(0x0fed_cba9_8765_4321_8877_6655_4433_2211),
            user: UserId::from_bits(0x1234_5678_9abc_def0_1122_3344_5566_7788),
            amount,
            method: PaymentMethod::parse("pm_card_visa").unwrap(),
        }),
        PaymentEvent::Authorized(PaymentAuthorized {
            provider_id: ProviderId::parse("pi_3MtwBwLkdIwHu7ix28a3tqPa").unwrap(),
            last4: Some(LastFour::parse("4242").unwrap()),
        }),
        PaymentEvent::Declined(PaymentDeclined { reason: "insufficient_funds".to_owned() }),
        PaymentEvent::MarkedUnknown(PaymentMarkedUnknown { reason: "no answer within 10 s".to_owned() }),
        PaymentEvent::CaptureRequested(PaymentCaptureRequested { amount }),
        PaymentEvent::Captured(PaymentCaptured { amount }),
        PaymentEvent::VoidRequested(PaymentVoidRequested { amount }),
        PaymentEvent::Voided(PaymentVoided { amount }),
        PaymentEvent::RefundRequested(PaymentRefundRequested { refund: refund.clone(), amount: part }),
        PaymentEvent::Refunded(PaymentRefunded { refund: refund.clone(), amount: part }),
        PaymentEvent::RefundRejected(PaymentRefundRejected {
            refund,
            amount: part,
            reason: "charge_disputed".to_owned(),
        }),
        PaymentEvent::Expired(PaymentExpired { amount }),
    ];
    events.map(AnyEvent::from).into()
}

/// See [`super::any_event`].
pub(super) fn any_event() -> impl Strategy<Value = AnyEvent> {
    let refund = || "[A-Za-z0-9_-]{1,64}".prop_map(|text| RefundId::parse(&text).unwrap());
    prop_oneof![
        (any::<u128>(), user_id(), money(), method()).prop_map(|(order, user, amount, method)| {
            PaymentEvent::Requested(PaymentRequested { order: OrderId::from_bits(order), user, amount, method })
        }),
        (provider_id(), option::of(last4()))
            .prop_map(|(provider_id, last4)| { PaymentEvent::Authorized(PaymentAuthorized { provider_id, last4 }) }),
        any::<String>().prop_map(|reason| PaymentEvent::Declined(PaymentDeclined { reason })),
        any::<String>().prop_map(|reason| PaymentEvent::MarkedUnknown(PaymentMarkedUnknown { reason })),
        money().prop_map(|amount| PaymentEvent::CaptureRequested(PaymentCaptureRequested { amount })),
        money().prop_map(|amount| PaymentEvent::Captured(PaymentCaptured { amount })),
        money().prop_map(|amount| PaymentEvent::VoidRequested(PaymentVoidRequested { amount })),
        money().prop_map(|amount| PaymentEvent::Voided(PaymentVoided { amount })),
        money().prop_map(|amount| PaymentEvent::Expired(PaymentExpired { amount })),
        (refund(), money(), any::<String>(), 0..3).prop_map(|(refund, amount, reason, kind)| match kind {
            0 => PaymentEvent::RefundRequested(PaymentRefundRequested { refund, amount }),
            1 => PaymentEvent::Refunded(PaymentRefunded { refund, amount }),
            _ => PaymentEvent::RefundRejected(PaymentRefundRejected { refund, amount, reason }),
        }),
    ]
    .prop_map(AnyEvent::from)
}

pub(super) fn method() -> impl Strategy<Value = PaymentMethod> {
    "pm_[A-Za-z0-9_-]{1,61}".prop_map(|text| PaymentMethod::parse(&text).unwrap())
}

fn provider_id() -> impl Strategy<Value = ProviderId> {
    "[A-Za-z0-9_-]{1,255}".prop_map(|text| ProviderId::parse(&text).unwrap())
}

fn last4() -> impl Strategy<Value = LastFour> {
    "[0-9]{4}".prop_map(|text| LastFour::parse(&text).unwrap())
}
