//! The stock view.

use proptest::collection::vec;
use proptest::prelude::*;
use schemas::{StockEvent, StockReceived, StreamId};
use views::{StockView, View as _};

use crate::check::{check, check_unfoldable, fold, sku};

fn stream() -> StreamId {
    sku("MUG").stock()
}

fn received(quantity: i64) -> StockEvent {
    StockEvent::Received(StockReceived { sku: sku("MUG"), quantity, reason: None })
}

#[test]
fn the_first_delivery_is_shown() {
    check::<StockView>(
        &stream(),
        vec![received(5)],
        r#"{"sku":"MUG","onHand":5,"available":5,"version":1,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:00.000000Z"}"#,
    );
}

#[test]
fn deliveries_add_up() {
    check::<StockView>(
        &stream(),
        vec![received(5), received(7)],
        r#"{"sku":"MUG","onHand":12,"available":12,"version":2,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:01.000000Z"}"#,
    );
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

proptest! {
    #[test]
    fn what_is_on_hand_is_what_came_in(quantities in vec(1..1_000_000_000_i64, 1..30)) {
        let view: StockView = fold(&stream(), quantities.iter().copied().map(received).collect()).unwrap().unwrap();
        prop_assert_eq!(view.on_hand, quantities.iter().sum::<i64>());
        prop_assert_eq!((view.available, usize::try_from(view.version).unwrap()), (view.on_hand, quantities.len()));
    }
}
