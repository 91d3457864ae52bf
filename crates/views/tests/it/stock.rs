//! The stock view.

use proptest::collection::vec;
use proptest::prelude::*;
use schemas::{
    OrderId, StockAdjusted, StockEvent, StockReceived, StockReservationCommitted, StockReservationExpired,
    StockReservationRejected, StockReservationReleased, StockReserved, StreamId, Timestamp,
};
use views::{StockView, View as _};

use crate::check::{check, check_unfoldable, fold, sku};

fn stream() -> StreamId {
    sku("MUG").stock()
}

fn order() -> OrderId {
    OrderId::from_bits(1)
}

fn received(quantity: i64) -> StockEvent {
    StockEvent::Received(StockReceived { sku: sku("MUG"), quantity, reason: None })
}

fn adjusted(delta: i64) -> StockEvent {
    StockEvent::Adjusted(StockAdjusted { sku: sku("MUG"), delta, reason: None })
}

fn reserved(quantity: i64) -> StockEvent {
    let until = Timestamp::from_micros(1);
    StockEvent::Reserved(StockReserved { sku: sku("MUG"), order: order(), quantity, until })
}

fn rejected(quantity: i64) -> StockEvent {
    let rejected = StockReservationRejected { sku: sku("MUG"), order: order(), quantity, available: 0 };
    StockEvent::ReservationRejected(rejected)
}

fn released(quantity: i64) -> StockEvent {
    StockEvent::ReservationReleased(StockReservationReleased { sku: sku("MUG"), order: order(), quantity })
}

fn committed(quantity: i64) -> StockEvent {
    StockEvent::ReservationCommitted(StockReservationCommitted { sku: sku("MUG"), order: order(), quantity })
}

fn expired(quantity: i64) -> StockEvent {
    StockEvent::ReservationExpired(StockReservationExpired { sku: sku("MUG"), order: order(), quantity })
}

/// On hand, held and available after these events.
fn counts(events: Vec<StockEvent>) -> (i64, i64, i64) {
    let view: StockView = fold(&stream(), events).unwrap().unwrap();
    (view.on_hand, view.held, view.available)
}

#[test]
fn the_first_delivery_is_shown() {
    check::<StockView>(
        &stream(),
        vec![received(5)],
        r#"{"sku":"MUG","onHand":5,"held":0,"available":5,"version":1,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:00.000000Z"}"#,
    );
}

#[test]
fn deliveries_and_corrections_add_up() {
    check::<StockView>(
        &stream(),
        vec![received(5), received(9), adjusted(-2)],
        r#"{"sku":"MUG","onHand":12,"held":0,"available":12,"version":3,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:02.000000Z"}"#,
    );
}

#[test]
fn what_is_held_is_on_hand_but_not_available() {
    check::<StockView>(
        &stream(),
        vec![received(5), reserved(3)],
        r#"{"sku":"MUG","onHand":5,"held":3,"available":2,"version":2,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:01.000000Z"}"#,
    );
}

#[test]
fn only_committed_pieces_leave_the_house() {
    for (event, left) in [(released(3), (5, 0, 5)), (committed(3), (2, 0, 2)), (expired(3), (5, 0, 5))] {
        assert_eq!(counts(vec![received(5), reserved(3), event]), left);
    }
}

#[test]
fn a_rejected_reservation_changes_the_version_only() {
    check::<StockView>(
        &stream(),
        vec![rejected(3)],
        r#"{"sku":"MUG","onHand":0,"held":0,"available":0,"version":1,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:00.000000Z"}"#,
    );
    assert_eq!(counts(vec![received(5), reserved(3), rejected(3)]), (5, 3, 2));
}

#[test]
fn a_stock_stands_in_no_list() {
    let view: StockView = fold(&stream(), vec![received(5)]).unwrap().unwrap();
    assert_eq!(view.lists(), []);
}

#[test]
fn a_number_of_pieces_that_does_not_fit_is_not_folded() {
    let given = vec![received(i64::MAX), received(1)];
    check_unfoldable::<StockView>(&stream(), given, "StockReceived makes a number too large");
}

#[test]
fn more_than_is_there_or_held_is_not_folded() {
    for (given, name) in [
        (vec![received(5), adjusted(-6)], "StockAdjusted"),
        (vec![received(5), reserved(3), adjusted(-3)], "StockAdjusted"),
        (vec![received(5), reserved(6)], "StockReserved"),
        (vec![released(1)], "StockReservationReleased"),
        (vec![received(5), reserved(3), committed(4)], "StockReservationCommitted"),
        (vec![received(5), reserved(3), expired(4)], "StockReservationExpired"),
    ] {
        let then = format!("{name} cannot happen to what the events before it made");
        check_unfoldable::<StockView>(&stream(), given, &then);
    }
}

proptest! {
    #[test]
    fn what_is_on_hand_is_what_came_in(quantities in vec(1..1_000_000_000_i64, 1..30)) {
        let view: StockView = fold(&stream(), quantities.iter().copied().map(received).collect()).unwrap().unwrap();
        prop_assert_eq!(view.on_hand, quantities.iter().sum::<i64>());
        prop_assert_eq!((view.available, usize::try_from(view.version).unwrap()), (view.on_hand, quantities.len()));
    }
}
