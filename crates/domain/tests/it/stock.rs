//! The stock, state by state and command by command.

use domain::stock::{Pieces, Stock, StockCommand};
use domain::{MAX_AMOUNT, Refusal};
use schemas::{StockEvent, StockReceived};

use crate::check::{check, reason, sku};

fn receive(quantity: i64) -> StockCommand {
    StockCommand::Receive { sku: sku("MUG"), quantity: Pieces::new(quantity).unwrap(), reason: Some(reason("van 3")) }
}

fn received(quantity: i64) -> StockEvent {
    StockEvent::Received(StockReceived { sku: sku("MUG"), quantity, reason: Some("van 3".to_owned()) })
}

#[test]
fn the_first_delivery_brings_the_stock_into_being() {
    check::<Stock>(&[], &receive(5), Ok(vec![received(5)]));
}

#[test]
fn every_delivery_adds_up() {
    check::<Stock>(&[received(5)], &receive(7), Ok(vec![received(7)]));
    let state = domain::fold::<Stock>(&[received(5), received(7)]).unwrap();
    assert_eq!((state.sku, state.on_hand), (sku("MUG"), 12));
}

#[test]
fn a_delivery_needs_no_reason() {
    let when = StockCommand::Receive { sku: sku("MUG"), quantity: Pieces::new(1).unwrap(), reason: None };
    let then = StockEvent::Received(StockReceived { sku: sku("MUG"), quantity: 1, reason: None });
    check::<Stock>(&[], &when, Ok(vec![then]));
}

#[test]
fn a_stock_that_some_client_could_not_read_exactly_is_refused() {
    check::<Stock>(&[received(MAX_AMOUNT - 5)], &receive(5), Ok(vec![received(5)]));
    check::<Stock>(&[received(MAX_AMOUNT - 5)], &receive(6), Err(Refusal::StockTooLarge));
}
