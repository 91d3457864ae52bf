//! The payment, state by state and command by command.

mod money;

use domain::payment::{Due, Payment, PaymentCommand};
use domain::{Aggregate as _, Refusal, fold};
use schemas::{
    LastFour, Money, OrderId, PaymentAuthorized, PaymentCaptureRequested, PaymentCaptured, PaymentDeclined,
    PaymentEvent, PaymentExpired, PaymentMarkedUnknown, PaymentRefundRejected, PaymentRefundRequested, PaymentRefunded,
    PaymentRequested, PaymentStatus, PaymentVoidRequested, PaymentVoided, ProviderId, RefundId,
};

use crate::check::{check, euro, method, user};

/// What the order costs, in euro cents.
const TOTAL: i64 = 1_500;

fn request(amount: Money) -> PaymentCommand {
    let (order, user) = (OrderId::from_bits(7), user(1));
    PaymentCommand::Request { order, user, amount, method: method("pm_card_visa") }
}

fn record_authorization(provider_id: &str) -> PaymentCommand {
    let provider_id = ProviderId::parse(provider_id).unwrap();
    PaymentCommand::RecordAuthorization { provider_id, last4: Some(LastFour::parse("4242").unwrap()) }
}

fn refund_id(text: &str) -> RefundId {
    RefundId::parse(text).unwrap()
}

fn request_refund(refund: &str, amount: Option<i64>) -> PaymentCommand {
    PaymentCommand::RequestRefund { refund: refund_id(refund), amount }
}

fn reject_refund() -> PaymentCommand {
    PaymentCommand::RejectRefund { refund: refund_id("r1"), reason: "charge_disputed".to_owned() }
}

fn requested() -> PaymentEvent {
    let (order, user) = (OrderId::from_bits(7), user(1));
    PaymentEvent::Requested(PaymentRequested { order, user, amount: euro(TOTAL), method: method("pm_card_visa") })
}

fn authorized() -> PaymentEvent {
    let provider_id = ProviderId::parse("pi_1").unwrap();
    PaymentEvent::Authorized(PaymentAuthorized { provider_id, last4: Some(LastFour::parse("4242").unwrap()) })
}

fn declined() -> PaymentEvent {
    PaymentEvent::Declined(PaymentDeclined { reason: "card_declined".to_owned() })
}

fn unknown() -> PaymentEvent {
    PaymentEvent::MarkedUnknown(PaymentMarkedUnknown { reason: "no answer".to_owned() })
}

fn capture_requested() -> PaymentEvent {
    PaymentEvent::CaptureRequested(PaymentCaptureRequested { amount: euro(TOTAL) })
}

fn captured() -> PaymentEvent {
    PaymentEvent::Captured(PaymentCaptured { amount: euro(TOTAL) })
}

fn void_requested() -> PaymentEvent {
    PaymentEvent::VoidRequested(PaymentVoidRequested { amount: euro(TOTAL) })
}

fn voided() -> PaymentEvent {
    PaymentEvent::Voided(PaymentVoided { amount: euro(TOTAL) })
}

fn expired() -> PaymentEvent {
    PaymentEvent::Expired(PaymentExpired { amount: euro(TOTAL) })
}

fn refund_requested(refund: &str, amount: i64) -> PaymentEvent {
    PaymentEvent::RefundRequested(PaymentRefundRequested { refund: refund_id(refund), amount: euro(amount) })
}

fn refunded(refund: &str, amount: i64) -> PaymentEvent {
    PaymentEvent::Refunded(PaymentRefunded { refund: refund_id(refund), amount: euro(amount) })
}

fn refund_rejected(amount: i64) -> PaymentEvent {
    let (refund, amount) = (refund_id("r1"), euro(amount));
    PaymentEvent::RefundRejected(PaymentRefundRejected { refund, amount, reason: "charge_disputed".to_owned() })
}

/// Every state by a name, how it came to be, and what it is called outside.
fn states() -> Vec<(&'static str, Vec<PaymentEvent>, PaymentStatus)> {
    let after = |before: &[PaymentEvent], event: PaymentEvent| [before, &[event]].concat();
    let asked = vec![requested()];
    let abandoned = after(&asked, void_requested());
    let held = after(&asked, authorized());
    let capturing = after(&held, capture_requested());
    let voiding = after(&held, void_requested());
    let taken = after(&capturing, captured());
    let refunding = after(&taken, refund_requested("r1", 500));
    vec![
        ("requested", asked.clone(), PaymentStatus::Requested),
        ("requested, lost", after(&asked, unknown()), PaymentStatus::Unknown),
        ("abandoned", abandoned.clone(), PaymentStatus::Requested),
        ("abandoned, lost", after(&abandoned, unknown()), PaymentStatus::Unknown),
        ("lost, abandoned", [requested(), unknown(), void_requested()].into(), PaymentStatus::Unknown),
        ("authorized", held.clone(), PaymentStatus::Authorized),
        ("capturing", capturing.clone(), PaymentStatus::Authorized),
        ("capturing, lost", after(&capturing, unknown()), PaymentStatus::Unknown),
        ("voiding", voiding.clone(), PaymentStatus::Authorized),
        ("abandoned, authorized", after(&abandoned, authorized()), PaymentStatus::Authorized),
        ("voiding, lost", after(&voiding, unknown()), PaymentStatus::Unknown),
        ("captured", taken.clone(), PaymentStatus::Captured),
        ("refunding", refunding.clone(), PaymentStatus::Captured),
        ("refunded", after(&refunding, refunded("r1", 500)), PaymentStatus::PartiallyRefunded),
        ("refund refused", after(&refunding, refund_rejected(500)), PaymentStatus::Captured),
        ("declined", after(&asked, declined()), PaymentStatus::Declined),
        ("voided", after(&voiding, voided()), PaymentStatus::Voided),
        ("expired", after(&held, expired()), PaymentStatus::Expired),
    ]
}

/// What each command comes to in each state: its event `+`, done already `.`, not capturable `C`, not voidable `V`, not
/// refundable `R`, no such refund `-`, an unexpected outcome `x`. The commands, from the left: request the same again,
/// request another amount, authorized, authorized as another, declined, unknown, capture, captured, void, voided,
/// refund `r1`, refunded, refund refused, expired.
const TABLE: [(&str, &str); 18] = [
    ("requested", ".E+++ +Cx+x RRR x"),
    ("requested, lost", ".E+++ .Cx+x RRR x"),
    ("abandoned", ".E+++ +Cx.x RRR x"),
    ("abandoned, lost", ".E+++ .Cx.x RRR x"),
    ("lost, abandoned", ".E+++ .Cx.x RRR x"),
    ("authorized", ".E.xx .+x+x RRR +"),
    ("capturing", ".E.xx +.+Vx RRR +"),
    ("capturing, lost", ".E.xx ..+Vx RRR +"),
    ("voiding", ".E.xx +Cx.+ RRR x"),
    ("abandoned, authorized", ".E.xx +Cx.+ RRR x"),
    ("voiding, lost", ".E.xx .Cx.+ RRR x"),
    ("captured", ".E.xx ...Vx +-- x"),
    ("refunding", ".E.xx ...Vx .++ x"),
    ("refunded", ".E.xx ...Vx ..x x"),
    ("refund refused", ".E.xx ...Vx .x. x"),
    ("declined", ".Exx. .Cx.x RRR x"),
    ("voided", ".E.xx .Cx.. RRR x"),
    ("expired", ".E.xx .Cx.x RRR ."),
];

/// Every command, and the event that it brings about where it does.
fn commands() -> [(PaymentCommand, PaymentEvent); 14] {
    let refund = refund_id("r1");
    let another =
        PaymentAuthorized { provider_id: ProviderId::parse("pi_2").unwrap(), last4: LastFour::parse("4242").ok() };
    [
        (request(euro(TOTAL)), requested()),
        (request(euro(TOTAL + 1)), requested()),
        (record_authorization("pi_1"), authorized()),
        (record_authorization("pi_2"), PaymentEvent::Authorized(another)),
        (PaymentCommand::RecordDecline { reason: "card_declined".to_owned() }, declined()),
        (PaymentCommand::MarkUnknown { reason: "no answer".to_owned() }, unknown()),
        (PaymentCommand::RequestCapture, capture_requested()),
        (PaymentCommand::RecordCapture, captured()),
        (PaymentCommand::RequestVoid, void_requested()),
        (PaymentCommand::RecordVoid, voided()),
        (request_refund("r1", Some(500)), refund_requested("r1", 500)),
        (PaymentCommand::RecordRefund { refund }, refunded("r1", 500)),
        (reject_refund(), refund_rejected(500)),
        (PaymentCommand::RecordExpiry, expired()),
    ]
}

#[test]
fn every_command_in_every_state_comes_to_what_the_table_says() {
    assert_eq!(states().iter().map(|(name, ..)| *name).collect::<Vec<_>>(), TABLE.map(|(name, _)| name));
    for ((name, given, status), (_, row)) in states().into_iter().zip(TABLE) {
        let cells: Vec<_> = row.chars().filter(|cell| *cell != ' ').collect();
        assert_eq!(cells.len(), commands().len(), "{name}");
        for ((when, event), cell) in commands().into_iter().zip(cells) {
            let then = match cell {
                '+' => Ok(vec![event]),
                '.' => Ok(vec![]),
                'E' => Err(Refusal::PaymentExists),
                'C' => Err(Refusal::PaymentNotCapturable { status }),
                'V' => Err(Refusal::PaymentNotVoidable { status }),
                'R' => Err(Refusal::PaymentNotRefundable { status }),
                '-' => Err(Refusal::RefundNotFound),
                'x' => Err(Refusal::UnexpectedOutcome { status }),
                cell => unreachable!("{name}: {cell}"),
            };
            let found = Payment::decide(fold::<Payment>(&given).as_ref(), &when);
            assert_eq!(found, then, "{name}: {when:?}");
        }
    }
}

#[test]
fn every_state_has_the_status_that_it_is_called_outside() {
    for (name, given, status) in states() {
        assert_eq!(fold::<Payment>(&given).unwrap().status(), status, "{name}");
    }
    let all = [requested(), authorized(), capture_requested(), captured(), refund_requested("r1", TOTAL)];
    let given = [&all[..], &[refunded("r1", TOTAL)]].concat();
    assert_eq!(fold::<Payment>(&given).unwrap().status(), PaymentStatus::Refunded);
}

#[test]
fn what_was_never_requested_can_only_be_requested() {
    for (index, (when, event)) in commands().into_iter().enumerate() {
        match index {
            0 => check::<Payment>(&[], &when, Ok(vec![event])),
            1 => {}
            _ => check::<Payment>(&[], &when, Err(Refusal::PaymentNotFound)),
        }
    }
}

#[test]
fn a_payment_is_of_more_than_nothing() {
    for amount in [i64::MIN, -1, 0] {
        check::<Payment>(&[], &request(euro(amount)), Err(Refusal::NothingToPay));
    }
}

#[test]
fn a_refund_without_an_amount_is_of_all_that_is_left() {
    let given = [requested(), authorized(), capture_requested(), captured()];
    check::<Payment>(&given, &request_refund("r1", None), Ok(vec![refund_requested("r1", TOTAL)]));
    let given = [&given[..], &[refund_requested("r1", 600)]].concat();
    check::<Payment>(&given, &request_refund("r2", None), Ok(vec![refund_requested("r2", 900)]));
    let given = [&given[..], &[refunded("r1", 600), refund_requested("r2", 900)]].concat();
    check::<Payment>(&given, &request_refund("r3", None), Err(Refusal::NothingToRefund));
}

#[test]
fn no_more_is_given_back_than_was_taken_whatever_is_still_under_way() {
    let given = [requested(), authorized(), capture_requested(), captured(), refund_requested("r1", 600)];
    for given in [given.to_vec(), [&given[..], &[refunded("r1", 600)]].concat()] {
        let too_much = Err(Refusal::RefundTooLarge { left: euro(900) });
        check::<Payment>(&given, &request_refund("r2", Some(901)), too_much);
        check::<Payment>(&given, &request_refund("r2", Some(900)), Ok(vec![refund_requested("r2", 900)]));
        for nothing in [0, -1, i64::MIN] {
            check::<Payment>(&given, &request_refund("r2", Some(nothing)), Err(Refusal::NothingToRefund));
        }
    }
    let refused = [&given[..], &[refund_rejected(600)]].concat();
    check::<Payment>(&refused, &request_refund("r2", Some(TOTAL)), Ok(vec![refund_requested("r2", TOTAL)]));
}

#[test]
fn no_refund_waits_for_the_outcome_of_another() {
    let given = [requested(), authorized(), capture_requested(), captured()];
    let given = [&given[..], &[refund_requested("r1", 600), refund_requested("r2", 900)]].concat();
    let due =
        [("r1", 600), ("r2", 900)].map(|(id, amount)| Due::Refund { refund: refund_id(id), amount: euro(amount) });
    assert_eq!(fold::<Payment>(&given).unwrap().due(), due);
}

#[test]
fn a_refund_id_stands_for_one_amount() {
    let given = [requested(), authorized(), capture_requested(), captured(), refund_requested("r1", 500)];
    check::<Payment>(&given, &request_refund("r1", Some(500)), Ok(vec![]));
    check::<Payment>(&given, &request_refund("r1", None), Ok(vec![]));
    check::<Payment>(&given, &request_refund("r1", Some(501)), Err(Refusal::RefundIdReused));
}
