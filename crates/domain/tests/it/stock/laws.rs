//! What holds of a stock after any sequence of commands, and of events.

use std::collections::BTreeMap;

use domain::order::Quantity;
use domain::stock::{Delta, Pieces, Stock, StockCommand};
use domain::{Aggregate as _, MAX_AMOUNT, fold};
use proptest::collection::vec;
use proptest::prelude::*;
use schemas::{OrderId, StockEvent, StockReceived, Timestamp};

use super::{adjusted, committed, expired, order, received, rejected, released, reserved};
use crate::check::sku;
use crate::properties::{changes_nothing, repeated, run};

/// Few orders, times and small numbers, so that commands meet; sometimes as much as a stock can hold.
fn any_command() -> impl Strategy<Value = StockCommand> {
    let number = 0..4_u128;
    let time = (0..4_i64).prop_map(Timestamp::from_micros);
    prop_oneof![
        2 => prop_oneof![9 => 1..12_i64, 1 => Just(Pieces::MAX)].prop_map(receive),
        1 => (-12..12_i64).prop_filter_map("a correction is not zero", |pieces| Delta::new(pieces).ok()).prop_map(adjust),
        4 => (number.clone(), 1..6_i64, time.clone()).prop_map(|(number, quantity, until)| {
            let quantity = Quantity::new(quantity).unwrap();
            StockCommand::Reserve { sku: sku("MUG"), order: order(number), quantity, until }
        }),
        1 => number.clone().prop_map(|number| StockCommand::Release { order: order(number) }),
        4 => (number.clone(), time.clone())
            .prop_map(|(number, until)| StockCommand::Commit { order: order(number), until }),
        1 => (number, time).prop_map(|(number, now)| StockCommand::Expire { order: order(number), now }),
    ]
}

fn receive(pieces: i64) -> StockCommand {
    StockCommand::Receive { sku: sku("MUG"), quantity: Pieces::new(pieces).unwrap(), reason: None }
}

fn adjust(delta: Delta) -> StockCommand {
    StockCommand::Adjust { sku: sku("MUG"), delta, reason: None }
}

/// Any event, also such as no decision would make.
fn any_event() -> impl Strategy<Value = StockEvent> {
    let number = 0..3_u128;
    let pieces = prop_oneof![3 => -9..9_i64, 1 => any::<i64>()];
    (0..7_u8, number, pieces).prop_map(|(kind, number, pieces)| match kind {
        0 => received(pieces),
        1 => adjusted(pieces),
        2 => reserved(number, pieces),
        3 => rejected(number, pieces, 0),
        4 => released(number, pieces),
        5 => committed(number, pieces),
        _ => expired(number, pieces),
    })
}

/// What the events say without any rule: how many pieces came, how many left, and how many each order holds.
#[derive(Debug, Default)]
struct Books {
    booked: i64,
    committed: i64,
    held: BTreeMap<OrderId, i64>,
}

impl Books {
    fn enter(&mut self, event: &StockEvent) {
        match event {
            StockEvent::Received(StockReceived { quantity, .. }) => self.booked += quantity,
            StockEvent::Adjusted(adjusted) => self.booked += adjusted.delta,
            StockEvent::Reserved(reserved) => {
                assert_eq!(self.held.insert(reserved.order.clone(), reserved.quantity), None, "{reserved:?}");
            }
            StockEvent::ReservationRejected(_) => {}
            StockEvent::ReservationReleased(released) => self.settle(&released.order, released.quantity),
            StockEvent::ReservationCommitted(committed) => {
                self.settle(&committed.order, committed.quantity);
                self.committed += committed.quantity;
            }
            StockEvent::ReservationExpired(expired) => self.settle(&expired.order, expired.quantity),
        }
    }

    fn settle(&mut self, order: &OrderId, quantity: i64) {
        assert_eq!(self.held.remove(order), Some(quantity), "only what is held is settled, and all of it");
    }
}

proptest! {
    #[test]
    fn no_piece_is_promised_twice_and_none_is_lost(commands in vec(any_command(), 0..60)) {
        let (mut books, mut state) = (Books::default(), None);
        for event in run::<Stock>(&commands) {
            let before = state.as_ref().map_or(0, domain::stock::StockState::available);
            if let StockEvent::ReservationRejected(rejected) = &event {
                prop_assert_eq!(rejected.available, before);
                prop_assert!(rejected.quantity > before);
            }
            books.enter(&event);
            state = Stock::evolve(state, &event);
            let stock = state.as_ref().unwrap();
            prop_assert_eq!(books.booked, stock.on_hand + books.committed);
            prop_assert_eq!(books.held.values().sum::<i64>(), stock.holds.total());
            prop_assert!(stock.available() >= 0 && stock.on_hand <= MAX_AMOUNT);
            for (order, quantity) in &books.held {
                prop_assert_eq!(stock.holds.of(order).map(|hold| hold.quantity), Some(*quantity));
            }
        }
    }

    #[test]
    fn a_repeated_reservation_or_settlement_changes_nothing(before in vec(any_command(), 0..30), command in any_command()) {
        match &command {
            StockCommand::Receive { .. } | StockCommand::Adjust { .. } => {}
            // Asking again for what is not there is rejected again, which changes nothing of the stock.
            StockCommand::Reserve { .. } => {
                let again = repeated::<Stock>(&before, &command);
                let rejected = |event: &StockEvent| matches!(event, StockEvent::ReservationRejected(_));
                prop_assert!(again.map_or(true, |events| events.iter().all(rejected)));
            }
            StockCommand::Release { .. } | StockCommand::Commit { .. } | StockCommand::Expire { .. } => {
                prop_assert!(changes_nothing(&repeated::<Stock>(&before, &command)));
            }
        }
    }

    #[test]
    fn no_sequence_of_events_panics_and_no_command_after_it(
        events in vec(any_event(), 0..30), command in any_command(),
    ) {
        let state = fold::<Stock>(&events);
        let _ = Stock::decide(state.as_ref(), &command);
    }
}
