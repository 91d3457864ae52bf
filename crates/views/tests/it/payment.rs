//! The payment view.

use schemas::{
    LastFour, OrderId, PaymentAuthorized, PaymentCaptureRequested, PaymentCaptured, PaymentDeclined, PaymentEvent,
    PaymentExpired, PaymentMarkedUnknown, PaymentMethod, PaymentRefundRejected, PaymentRefundRequested,
    PaymentRefunded, PaymentRequested, PaymentStatus, PaymentVoidRequested, PaymentVoided, ProviderId, RefundId,
    StreamId,
};
use views::{PaymentView, View as _};

use crate::check::{check, check_unfoldable, euro, fold, sku, user};

fn stream() -> StreamId {
    OrderId::parse("ord_1").unwrap().payment().stream().clone()
}

fn requested() -> PaymentEvent {
    let (order, method) = (OrderId::parse("ord_1").unwrap(), PaymentMethod::parse("pm_card_visa").unwrap());
    PaymentEvent::Requested(PaymentRequested { order, user: user(), amount: euro(1_500), method })
}

fn authorized() -> PaymentEvent {
    let (provider_id, last4) = (ProviderId::parse("pi_1").unwrap(), LastFour::parse("4242").ok());
    PaymentEvent::Authorized(PaymentAuthorized { provider_id, last4 })
}

fn capture_requested() -> PaymentEvent {
    PaymentEvent::CaptureRequested(PaymentCaptureRequested { amount: euro(1_500) })
}

fn captured() -> PaymentEvent {
    PaymentEvent::Captured(PaymentCaptured { amount: euro(1_500) })
}

fn void_requested() -> PaymentEvent {
    PaymentEvent::VoidRequested(PaymentVoidRequested { amount: euro(1_500) })
}

fn unknown() -> PaymentEvent {
    PaymentEvent::MarkedUnknown(PaymentMarkedUnknown { reason: "no answer".to_owned() })
}

fn refund_requested(id: &str, amount: i64) -> PaymentEvent {
    let (refund, amount) = (RefundId::parse(id).unwrap(), euro(amount));
    PaymentEvent::RefundRequested(PaymentRefundRequested { refund, amount })
}

fn refunded(id: &str, amount: i64) -> PaymentEvent {
    PaymentEvent::Refunded(PaymentRefunded { refund: RefundId::parse(id).unwrap(), amount: euro(amount) })
}

#[test]
fn a_requested_payment_shows_what_will_be_paid() {
    check::<PaymentView>(
        &stream(),
        vec![requested()],
        r#"{"paymentId":"pay_1","orderId":"ord_1","userId":"usr_1","status":"REQUESTED","amount":1500,
        "capturedAmount":0,"refundedAmount":0,"currency":"EUR","paymentMethod":"pm_card_visa","last4":null,
        "providerId":null,"declineReason":null,"refunds":[],"version":1,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:00.000000Z"}"#,
    );
}

#[test]
fn what_was_taken_and_given_back_is_shown_refund_by_refund() {
    let rejected = PaymentEvent::RefundRejected(PaymentRefundRejected {
        refund: RefundId::parse("r2").unwrap(),
        amount: euro(900),
        reason: "charge_disputed".to_owned(),
    });
    let given = [requested(), authorized(), capture_requested(), captured()];
    let refunds = [refund_requested("r1", 600), refund_requested("r2", 900), refunded("r1", 600), rejected];
    check::<PaymentView>(
        &stream(),
        [&given[..], &refunds, &[refund_requested("r3", 1)]].concat(),
        r#"{"paymentId":"pay_1","orderId":"ord_1","userId":"usr_1","status":"PARTIALLY_REFUNDED","amount":1500,
        "capturedAmount":1500,"refundedAmount":600,"currency":"EUR","paymentMethod":"pm_card_visa","last4":"4242",
        "providerId":"pi_1","declineReason":null,
        "refunds":[{"refundId":"r1","amount":600,"status":"REFUNDED"},
        {"refundId":"r2","amount":900,"status":"REJECTED"},{"refundId":"r3","amount":1,"status":"REQUESTED"}],
        "version":9,"createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:08.000000Z"}"#,
    );
}

#[test]
fn a_declined_payment_says_why() {
    let declined = PaymentEvent::Declined(PaymentDeclined { reason: "insufficient_funds".to_owned() });
    let view: PaymentView = fold(&stream(), vec![requested(), declined]).unwrap().unwrap();
    assert_eq!((view.status, view.decline_reason.as_deref()), (PaymentStatus::Declined, Some("insufficient_funds")));
}

#[test]
fn a_status_changes_when_the_provider_has_done_something_or_may_have() {
    let given = [
        (requested(), PaymentStatus::Requested),
        (unknown(), PaymentStatus::Unknown),
        (authorized(), PaymentStatus::Authorized),
        (capture_requested(), PaymentStatus::Authorized),
        (unknown(), PaymentStatus::Unknown),
        (captured(), PaymentStatus::Captured),
        (refund_requested("r1", 1_000), PaymentStatus::Captured),
        (refunded("r1", 1_000), PaymentStatus::PartiallyRefunded),
        (refund_requested("r2", 500), PaymentStatus::PartiallyRefunded),
        (refunded("r2", 500), PaymentStatus::Refunded),
    ];
    let voided = PaymentEvent::Voided(PaymentVoided { amount: euro(1_500) });
    let expired = PaymentEvent::Expired(PaymentExpired { amount: euro(1_500) });
    for path in [
        given.to_vec(),
        vec![given[0].clone(), (void_requested(), PaymentStatus::Requested), given[2].clone()],
        vec![given[0].clone(), given[2].clone(), (void_requested(), PaymentStatus::Authorized)],
        vec![given[0].clone(), given[2].clone(), (voided, PaymentStatus::Voided)],
        vec![given[0].clone(), given[2].clone(), (expired, PaymentStatus::Expired)],
    ] {
        for length in 1..=path.len() {
            let (events, status): (Vec<_>, Vec<_>) = path[..length].iter().cloned().unzip();
            let view: PaymentView = fold(&stream(), events).unwrap().unwrap();
            assert_eq!(Some(&view.status), status.last(), "{:?}", path[length - 1]);
        }
    }
}

#[test]
fn a_payment_stands_in_no_list() {
    let view: PaymentView = fold(&stream(), vec![requested()]).unwrap().unwrap();
    assert_eq!(view.lists(), []);
}

#[test]
fn what_cannot_follow_is_not_folded() {
    let lacking = "PaymentCaptured happened to something that does not exist";
    check_unfoldable::<PaymentView>(&stream(), vec![captured()], lacking);
    let twice = "PaymentRequested cannot happen to what the events before it made";
    check_unfoldable::<PaymentView>(&stream(), vec![requested(), requested()], twice);
    let elsewhere = "PaymentRequested cannot happen to the stream stk_MUG";
    check_unfoldable::<PaymentView>(&sku("MUG").stock(), vec![requested()], elsewhere);
    let huge = vec![requested(), refunded("r1", i64::MAX), refunded("r2", 1)];
    check_unfoldable::<PaymentView>(&stream(), huge, "PaymentRefunded makes a number too large");
}
