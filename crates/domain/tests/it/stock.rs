//! The stock, state by state and command by command. What holds after any sequence of commands: `stock/laws.rs`.

mod laws;

use domain::order::Quantity;
use domain::stock::{Delta, Holds, Pieces, Stock, StockCommand};
use domain::{MAX_AMOUNT, Refusal, fold};
use schemas::{
    OrderId, StockAdjusted, StockEvent, StockReceived, StockReservationCommitted, StockReservationExpired,
    StockReservationRejected, StockReservationReleased, StockReserved, Timestamp,
};

use crate::check::{check, reason, sku};

/// Until when every reservation of these tests is held.
const UNTIL: i64 = 1_000;

fn order(number: u128) -> OrderId {
    OrderId::from_bits(number)
}

fn receive(quantity: i64) -> StockCommand {
    StockCommand::Receive { sku: sku("MUG"), quantity: Pieces::new(quantity).unwrap(), reason: Some(reason("van 3")) }
}

fn adjust(delta: i64) -> StockCommand {
    StockCommand::Adjust { sku: sku("MUG"), delta: Delta::new(delta).unwrap(), reason: Some(reason("counted")) }
}

fn reserve(number: u128, quantity: i64) -> StockCommand {
    let (quantity, until) = (Quantity::new(quantity).unwrap(), Timestamp::from_micros(UNTIL));
    StockCommand::Reserve { sku: sku("MUG"), order: order(number), quantity, until }
}

fn release(number: u128) -> StockCommand {
    StockCommand::Release { order: order(number) }
}

fn commit(number: u128) -> StockCommand {
    commit_until(number, UNTIL)
}

fn commit_until(number: u128, until: i64) -> StockCommand {
    StockCommand::Commit { order: order(number), until: Timestamp::from_micros(until) }
}

fn expire(number: u128) -> StockCommand {
    expire_at(number, UNTIL)
}

fn expire_at(number: u128, now: i64) -> StockCommand {
    StockCommand::Expire { order: order(number), now: Timestamp::from_micros(now) }
}

fn received(quantity: i64) -> StockEvent {
    StockEvent::Received(StockReceived { sku: sku("MUG"), quantity, reason: Some("van 3".to_owned()) })
}

fn adjusted(delta: i64) -> StockEvent {
    StockEvent::Adjusted(StockAdjusted { sku: sku("MUG"), delta, reason: Some("counted".to_owned()) })
}

fn reserved(number: u128, quantity: i64) -> StockEvent {
    let until = Timestamp::from_micros(UNTIL);
    StockEvent::Reserved(StockReserved { sku: sku("MUG"), order: order(number), quantity, until })
}

fn rejected(number: u128, quantity: i64, available: i64) -> StockEvent {
    let (sku, order) = (sku("MUG"), order(number));
    StockEvent::ReservationRejected(StockReservationRejected { sku, order, quantity, available })
}

fn released(number: u128, quantity: i64) -> StockEvent {
    let (sku, order) = (sku("MUG"), order(number));
    StockEvent::ReservationReleased(StockReservationReleased { sku, order, quantity })
}

fn committed(number: u128, quantity: i64) -> StockEvent {
    let (sku, order) = (sku("MUG"), order(number));
    StockEvent::ReservationCommitted(StockReservationCommitted { sku, order, quantity })
}

fn expired(number: u128, quantity: i64) -> StockEvent {
    let (sku, order) = (sku("MUG"), order(number));
    StockEvent::ReservationExpired(StockReservationExpired { sku, order, quantity })
}

/// On hand, held and available after these events.
fn counts(events: &[StockEvent]) -> (i64, i64, i64) {
    let stock = fold::<Stock>(events).unwrap();
    (stock.on_hand, stock.holds.total(), stock.available())
}

#[test]
fn the_first_delivery_brings_the_stock_into_being() {
    check::<Stock>(&[], &receive(5), Ok(vec![received(5)]));
}

#[test]
fn every_delivery_adds_up() {
    check::<Stock>(&[received(5)], &receive(7), Ok(vec![received(7)]));
    assert_eq!(counts(&[received(5), received(7)]), (12, 0, 12));
    assert_eq!(fold::<Stock>(&[received(5)]).unwrap().sku, sku("MUG"));
}

#[test]
fn a_delivery_and_a_correction_need_no_reason() {
    let when = StockCommand::Receive { sku: sku("MUG"), quantity: Pieces::new(1).unwrap(), reason: None };
    let then = StockEvent::Received(StockReceived { sku: sku("MUG"), quantity: 1, reason: None });
    check::<Stock>(&[], &when, Ok(vec![then]));
    let when = StockCommand::Adjust { sku: sku("MUG"), delta: Delta::new(-1).unwrap(), reason: None };
    let then = StockEvent::Adjusted(StockAdjusted { sku: sku("MUG"), delta: -1, reason: None });
    check::<Stock>(&[received(1)], &when, Ok(vec![then]));
}

#[test]
fn a_stock_that_some_client_could_not_read_exactly_is_refused() {
    for more in [receive, adjust] {
        check::<Stock>(&[received(MAX_AMOUNT - 5)], &more(6), Err(Refusal::StockTooLarge));
    }
    check::<Stock>(&[received(MAX_AMOUNT - 5)], &receive(5), Ok(vec![received(5)]));
    check::<Stock>(&[received(MAX_AMOUNT - 5)], &adjust(5), Ok(vec![adjusted(5)]));
}

#[test]
fn a_correction_goes_up_and_down() {
    check::<Stock>(&[received(5)], &adjust(-5), Ok(vec![adjusted(-5)]));
    check::<Stock>(&[received(5)], &adjust(2), Ok(vec![adjusted(2)]));
    check::<Stock>(&[], &adjust(2), Ok(vec![adjusted(2)]));
    assert_eq!(counts(&[received(5), adjusted(-2)]), (3, 0, 3));
}

#[test]
fn a_correction_cannot_go_below_what_is_held() {
    check::<Stock>(&[], &adjust(-1), Err(Refusal::StockTooSmall { on_hand: 0, held: 0 }));
    let given = [received(5), reserved(1, 3)];
    check::<Stock>(&given, &adjust(-2), Ok(vec![adjusted(-2)]));
    let refusal = Refusal::StockTooSmall { on_hand: 5, held: 3 };
    check::<Stock>(&given, &adjust(-3), Err(refusal.clone()));
    let words = "there are 5 pieces on hand, and 3 of them are held for orders: fewer cannot be left";
    assert_eq!((refusal.code(), refusal.to_string().as_str()), ("stock_too_small", words));
}

#[test]
fn pieces_are_held_as_long_as_enough_are_left() {
    check::<Stock>(&[received(5)], &reserve(1, 5), Ok(vec![reserved(1, 5)]));
    check::<Stock>(&[received(5), reserved(1, 3)], &reserve(2, 2), Ok(vec![reserved(2, 2)]));
    assert_eq!(counts(&[received(5), reserved(1, 3), reserved(2, 1)]), (5, 4, 1));
}

#[test]
fn too_few_pieces_reject_a_reservation_and_say_how_many_are_left() {
    check::<Stock>(&[], &reserve(1, 1), Ok(vec![rejected(1, 1, 0)]));
    check::<Stock>(&[received(5), reserved(1, 3)], &reserve(2, 3), Ok(vec![rejected(2, 3, 2)]));
    check::<Stock>(&[received(5), adjusted(-3)], &reserve(2, 3), Ok(vec![rejected(2, 3, 2)]));
    assert_eq!(counts(&[rejected(1, 1, 0)]), (0, 0, 0));
    assert_eq!(counts(&[received(5), rejected(2, 6, 5)]), (5, 0, 5));
}

#[test]
fn a_rejected_reservation_may_be_tried_again() {
    let given = [received(1), rejected(1, 2, 1), received(1)];
    check::<Stock>(&given, &reserve(1, 2), Ok(vec![reserved(1, 2)]));
}

#[test]
fn the_same_reservation_again_is_done_and_another_is_refused() {
    let given = [received(5), reserved(1, 3)];
    check::<Stock>(&given, &reserve(1, 3), Ok(vec![]));
    let longer = Timestamp::from_micros(UNTIL + 1);
    let later =
        StockCommand::Reserve { sku: sku("MUG"), order: order(1), quantity: Quantity::new(3).unwrap(), until: longer };
    check::<Stock>(&given, &later, Err(Refusal::ReservationDiffers { held: 3 }));
    for quantity in [1, 2, 4, 900] {
        check::<Stock>(&given, &reserve(1, quantity), Err(Refusal::ReservationDiffers { held: 3 }));
    }
}

#[test]
fn what_is_held_can_be_released_committed_or_expired() {
    let given = [received(5), reserved(1, 3), reserved(2, 1)];
    for (when, then, left) in [
        (release(1), released(1, 3), (5, 1, 4)),
        (commit(1), committed(1, 3), (2, 1, 1)),
        (expire(1), expired(1, 3), (5, 1, 4)),
    ] {
        check::<Stock>(&given, &when, Ok(vec![then.clone()]));
        assert_eq!(counts(&[given.as_slice(), &[then]].concat()), left);
    }
}

#[test]
fn only_what_is_held_can_be_settled() {
    let before = [received(9), reserved(1, 3)];
    let with = |event: StockEvent| [before.as_slice(), &[event]].concat();
    for given in [
        vec![],
        vec![received(9)],
        vec![received(9), reserved(2, 3)],
        vec![received(1), rejected(1, 3, 1)],
        with(released(1, 3)),
        with(committed(1, 3)),
        with(expired(1, 3)),
    ] {
        for when in [release(1), commit(1), expire(1)] {
            check::<Stock>(&given, &when, Err(Refusal::ReservationNotHeld));
        }
    }
}

#[test]
fn only_the_reservation_that_is_meant_is_committed() {
    let given = [received(5), reserved(1, 3)];
    for until in [UNTIL - 1, UNTIL + 1] {
        check::<Stock>(&given, &commit_until(1, until), Err(Refusal::ReservationNotHeld));
    }
}

#[test]
fn a_reservation_expires_when_its_time_is_over_and_not_before() {
    let given = [received(5), reserved(1, 3)];
    let until = Timestamp::from_micros(UNTIL);
    check::<Stock>(&given, &expire_at(1, UNTIL - 1), Err(Refusal::ReservationNotDue { until }));
    for now in [UNTIL, UNTIL + 1, i64::MAX] {
        check::<Stock>(&given, &expire_at(1, now), Ok(vec![expired(1, 3)]));
    }
}

#[test]
fn an_order_whose_reservation_expired_may_reserve_again() {
    let given = [received(5), reserved(1, 3), expired(1, 3)];
    check::<Stock>(&given, &reserve(1, 3), Ok(vec![reserved(1, 3)]));
    check::<Stock>(&given, &reserve(1, 4), Ok(vec![reserved(1, 4)]));
}

#[test]
fn a_settled_reservation_leaves_no_trace_in_the_state() {
    for settled in [released(1, 3), committed(1, 3), expired(1, 3)] {
        let stock = fold::<Stock>(&[received(5), reserved(1, 3), settled]).unwrap();
        assert_eq!(stock.holds, Holds::default());
    }
}
