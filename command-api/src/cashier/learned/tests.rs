//! What each word of the provider comes to in each state.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::payment::Payment;
use domain::{Aggregate as _, fold};
use schemas::{Currency, Money, OrderId, PaymentEvent, PaymentMethod, UserId};
use serde_json::json;

use super::*;

/// What the provider says of a payment of ours.
fn intent(id: &str, status: &str) -> Intent {
    let card = json!({ "payment_method_details": { "card": { "last4": "4242" } } });
    let error = json!({ "code": "card_declined", "decline_code": "insufficient_funds" });
    let intent = json!({ "id": id, "status": status, "latest_charge": card, "last_payment_error": error });
    serde_json::from_value(intent).unwrap()
}

fn request() -> PaymentCommand {
    PaymentCommand::Request {
        order: OrderId::from_bits(1),
        user: UserId::from_bits(2),
        amount: Money { amount: 100, currency: Currency::parse("EUR").unwrap() },
        method: PaymentMethod::parse("pm_card_visa").unwrap(),
    }
}

fn authorization() -> PaymentCommand {
    let (provider_id, last4) = (ProviderId::parse("pi_1").unwrap(), LastFour::parse("4242").ok());
    PaymentCommand::RecordAuthorization { provider_id, last4 }
}

/// The state after these commands.
fn state(commands: &[PaymentCommand]) -> PaymentState {
    let mut happened: Vec<PaymentEvent> = Vec::new();
    for command in commands {
        let state = fold::<Payment>(&happened);
        happened.extend(Payment::decide(state.as_ref(), command).unwrap());
    }
    fold::<Payment>(&happened).unwrap()
}

/// Every state that the provider may speak about, by how it came to be.
fn states() -> [(&'static str, PaymentState); 9] {
    let (capture, void) = (PaymentCommand::RequestCapture, PaymentCommand::RequestVoid);
    let declined = PaymentCommand::RecordDecline { reason: "card_declined".to_owned() };
    let after = |more: &[PaymentCommand]| state(&[&[request(), authorization()], more].concat());
    [
        ("requested", state(&[request()])),
        ("abandoned", state(&[request(), void.clone()])),
        ("authorized", after(&[])),
        ("capturing", after(std::slice::from_ref(&capture))),
        ("voiding", after(std::slice::from_ref(&void))),
        ("captured", after(&[capture, PaymentCommand::RecordCapture])),
        ("declined", state(&[request(), declined])),
        ("voided", after(&[void, PaymentCommand::RecordVoid])),
        ("expired", after(&[PaymentCommand::RecordExpiry])),
    ]
}

#[test]
fn what_the_provider_says_is_learned_where_it_is_news_and_nowhere_else() {
    let words = ["requires_capture", "succeeded", "canceled", "requires_payment_method", "processing"];
    let table = [
        ("requested", ["authorized", "authorized", "declined", "declined", ""]),
        ("abandoned", ["authorized", "authorized", "declined", "declined", ""]),
        ("authorized", ["", "", "expired", "", ""]),
        ("capturing", ["", "captured", "expired", "", ""]),
        ("voiding", ["", "", "voided", "", ""]),
        ("captured", [""; 5]),
        ("declined", [""; 5]),
        ("voided", [""; 5]),
        ("expired", [""; 5]),
    ];
    for ((name, state), (row, cells)) in states().into_iter().zip(table) {
        assert_eq!(name, row);
        for (word, expected) in words.into_iter().zip(cells) {
            let learned = Learned::of_intent(&state, &intent("pi_1", word));
            assert_eq!(learned.as_ref().map_or("", |learned| learned.name.as_str()), expected, "{name}: {word}");
            if let Some(Learned { command, .. }) = learned {
                let events = Payment::decide(Some(&state), &command).unwrap();
                assert_eq!(events.len(), 1, "{name}: {word} is recorded");
            }
        }
    }
}

#[test]
fn an_authorization_keeps_the_providers_id_and_four_digits_and_a_decline_its_code() {
    let [(_, requested), ..] = states();
    let learned = |word| Learned::of_intent(&requested, &intent("pi_1", word)).unwrap().command;
    assert_eq!(learned("requires_capture"), authorization());
    let declined = PaymentCommand::RecordDecline { reason: "insufficient_funds".to_owned() };
    assert_eq!(learned("requires_payment_method"), declined);
}

#[test]
fn what_the_provider_says_of_another_payment_than_ours_is_not_taken_for_ours() {
    for (name, state) in states().into_iter().filter(|(_, state)| state.hold().is_some()) {
        for word in ["requires_capture", "succeeded", "canceled"] {
            assert_eq!(Learned::of_intent(&state, &intent("pi_2", word)), None, "{name}: {word}");
        }
    }
}

#[test]
fn a_refund_is_given_unless_it_failed() {
    let id = RefundId::parse("r1").unwrap();
    let refund = |status| serde_json::from_value(json!({ "id": "re_1", "status": status })).unwrap();
    for (status, name) in [
        ("succeeded", "refunded:r1"),
        ("pending", "refunded:r1"),
        ("failed", "refund-rejected:r1"),
        ("canceled", "refund-rejected:r1"),
    ] {
        assert_eq!(Learned::of_refund(&id, &refund(status)).name, name, "{status}");
    }
}
