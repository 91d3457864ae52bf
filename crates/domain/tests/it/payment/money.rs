//! Money is neither made nor lost, whatever is commanded and whatever the provider reports.

use domain::payment::{Due, Payment, PaymentCommand, PaymentState};
use domain::{Aggregate as _, fold};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use schemas::{PaymentEvent, PaymentStatus};

use super::{TOTAL, record_authorization, refund_id, request, request_refund};
use crate::check::euro;

fn any_command() -> impl Strategy<Value = PaymentCommand> {
    let refund = || (0..4).prop_map(|number| refund_id(&format!("r{number}")));
    let amount = option::of(prop_oneof![4 => 1..TOTAL, 1 => any::<i64>()]);
    prop_oneof![
        1 => Just(request(euro(TOTAL))),
        1 => (1..3).prop_map(|number| record_authorization(&format!("pi_{number}"))),
        1 => Just(PaymentCommand::RecordDecline { reason: "card_declined".to_owned() }),
        1 => Just(PaymentCommand::MarkUnknown { reason: "no answer".to_owned() }),
        2 => Just(PaymentCommand::RequestCapture),
        2 => Just(PaymentCommand::RecordCapture),
        1 => Just(PaymentCommand::RequestVoid),
        1 => Just(PaymentCommand::RecordVoid),
        4 => (0..4, amount).prop_map(|(number, amount)| request_refund(&format!("r{number}"), amount)),
        3 => refund().prop_map(|refund| PaymentCommand::RecordRefund { refund }),
        1 => refund().prop_map(|refund| PaymentCommand::RejectRefund { refund, reason: "refused".to_owned() }),
        1 => Just(PaymentCommand::RecordExpiry),
    ]
}

/// Begins with a request, so that something can happen; half of the time the money is taken.
fn any_commands() -> impl Strategy<Value = Vec<PaymentCommand>> {
    let taken = [
        request(euro(TOTAL)),
        record_authorization("pi_1"),
        PaymentCommand::RequestCapture,
        PaymentCommand::RecordCapture,
    ];
    (prop_oneof![Just(1), Just(taken.len())], vec(any_command(), 0..25))
        .prop_map(move |(first, more)| [&taken[..first], &more].concat())
}

/// What happened after each of these commands.
fn run(commands: &[PaymentCommand]) -> Vec<PaymentEvent> {
    let mut happened = Vec::new();
    for command in commands {
        if let Ok(events) = Payment::decide(fold::<Payment>(&happened).as_ref(), command) {
            happened.extend(events);
        }
    }
    happened
}

/// Minor units set aside, taken, let go, asked back, given back.
fn sums(events: &[PaymentEvent]) -> [i64; 5] {
    let mut sums = [0; 5];
    for event in events {
        let (index, amount) = match event {
            PaymentEvent::Authorized(_) => (0, TOTAL),
            PaymentEvent::Captured(captured) => (1, captured.amount.amount),
            PaymentEvent::Voided(voided) => (2, voided.amount.amount),
            PaymentEvent::Expired(expired) => (2, expired.amount.amount),
            PaymentEvent::RefundRequested(refund) => (3, refund.amount.amount),
            PaymentEvent::RefundRejected(refund) => (3, -refund.amount.amount),
            PaymentEvent::Refunded(refund) => (4, refund.amount.amount),
            PaymentEvent::Requested(_)
            | PaymentEvent::Declined(_)
            | PaymentEvent::MarkedUnknown(_)
            | PaymentEvent::CaptureRequested(_)
            | PaymentEvent::VoidRequested(_) => continue,
        };
        sums[index] += amount;
    }
    sums
}

proptest! {
    #[test]
    fn captured_is_at_most_authorized_and_refunded_at_most_captured(commands in any_commands()) {
        let events = run(&commands);
        for length in 0..=events.len() {
            let [authorized, captured, released, asked, refunded] = sums(&events[..length]);
            prop_assert!(authorized == 0 || authorized == TOTAL, "set aside twice: {:?}", events);
            prop_assert!(captured + released <= authorized, "{:?}", events);
            prop_assert!(0 <= refunded && refunded <= asked && asked <= captured, "{:?}", events);
        }
    }

    #[test]
    fn the_state_knows_what_can_still_be_given_back(commands in any_commands()) {
        let events = run(&commands);
        let [_, captured, _, asked, refunded] = sums(&events);
        if let Some(PaymentState::Captured(taken)) = fold::<Payment>(&events) {
            prop_assert_eq!((taken.left(), taken.refunded()), (captured - asked, refunded));
        }
    }

    #[test]
    fn a_repeated_command_changes_nothing(before in any_commands(), command in any_command()) {
        let once = run(&[&before[..], std::slice::from_ref(&command)].concat());
        let again = Payment::decide(fold::<Payment>(&once).as_ref(), &command);
        prop_assert!(again.as_ref().map_or(true, Vec::is_empty), "{:?}", again);
    }

    #[test]
    fn an_outcome_is_due_until_it_is_recorded_and_never_again(commands in any_commands()) {
        let state = fold::<Payment>(&run(&commands)).unwrap();
        let due = state.due();
        prop_assert!(!due.is_empty() || state.status() != PaymentStatus::Unknown, "an unknown outcome must be asked for");
        for due in due {
            let recorded = match &due {
                Due::Authorize => record_authorization("pi_1"),
                Due::Capture => PaymentCommand::RecordCapture,
                Due::Void => PaymentCommand::RecordVoid,
                Due::Refund { refund, .. } => PaymentCommand::RecordRefund { refund: refund.clone() },
            };
            let events = Payment::decide(Some(&state), &recorded).unwrap();
            let after = events.iter().fold(Some(state.clone()), Payment::evolve).unwrap();
            prop_assert!(!after.due().contains(&due), "{:?}", after);
        }
    }

    #[test]
    fn no_sequence_of_events_panics(seed in vec(any_commands(), 1..4), order in any::<u64>()) {
        // Events of several histories, mixed: most of them do not follow from each other.
        let mut events: Vec<_> = seed.iter().flat_map(|commands| run(commands)).collect();
        let count = events.len().max(1);
        events.rotate_left(usize::try_from(order).unwrap_or_default() % count);
        let state = fold::<Payment>(&events);
        prop_assert!(state.is_none_or(|state| !state.status().as_str().is_empty()));
    }
}
