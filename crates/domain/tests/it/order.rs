//! The order, state by state and command by command. How placing prices its lines: `place.rs`.

use domain::Refusal;
use domain::order::{Catalogue, Listed, Order, OrderCommand, Quantity, RequestedLine};
use schemas::{OrderCancelled, OrderEvent, OrderLine, OrderPlaced, OrderStatus, Role};

use crate::check::{actor, check, euro, reason, sku, user};

const OWNER: u128 = 1;
const STRANGER: u128 = 2;

fn place() -> OrderCommand {
    let line = RequestedLine { sku: sku("MUG"), quantity: Quantity::new(3).unwrap(), expected_price: Some(500) };
    let catalogue = Catalogue::from([(sku("MUG"), Listed::OnSale { name: "Mug".to_owned(), price: euro(500) })]);
    OrderCommand::Place { user: user(OWNER), lines: vec![line], catalogue }
}

fn cancel(by: u128, role: Role) -> OrderCommand {
    OrderCommand::Cancel { by: actor(by, role), reason: Some(reason("changed my mind")) }
}

fn placed() -> OrderEvent {
    let line = OrderLine { sku: sku("MUG"), name: "Mug".to_owned(), quantity: 3, unit_price: 500 };
    OrderEvent::Placed(OrderPlaced {
        user_id: user(OWNER),
        lines: vec![line],
        currency: euro(0).currency,
        total_amount: 1_500,
    })
}

fn cancelled(by: u128) -> OrderEvent {
    OrderEvent::Cancelled(OrderCancelled { cancelled_by: user(by), reason: Some("changed my mind".to_owned()) })
}

#[test]
fn an_order_is_placed() {
    check::<Order>(&[], &place(), Ok(vec![placed()]));
}

#[test]
fn an_order_is_placed_once() {
    check::<Order>(&[placed()], &place(), Err(Refusal::OrderExists));
    check::<Order>(&[placed(), cancelled(OWNER)], &place(), Err(Refusal::OrderExists));
}

#[test]
fn an_order_that_was_never_placed_cannot_be_cancelled() {
    check::<Order>(&[], &cancel(OWNER, Role::User), Err(Refusal::OrderNotFound));
    check::<Order>(&[], &cancel(OWNER, Role::Admin), Err(Refusal::OrderNotFound));
}

#[test]
fn its_owner_and_every_admin_may_cancel_an_order() {
    check::<Order>(&[placed()], &cancel(OWNER, Role::User), Ok(vec![cancelled(OWNER)]));
    check::<Order>(&[placed()], &cancel(STRANGER, Role::Admin), Ok(vec![cancelled(STRANGER)]));
}

#[test]
fn someone_elses_order_does_not_exist() {
    check::<Order>(&[placed()], &cancel(STRANGER, Role::User), Err(Refusal::OrderNotFound));
    check::<Order>(&[placed(), cancelled(OWNER)], &cancel(STRANGER, Role::User), Err(Refusal::OrderNotFound));
}

#[test]
fn a_cancelled_order_cannot_be_cancelled() {
    let refusal = Refusal::OrderNotCancellable { status: OrderStatus::Cancelled };
    check::<Order>(&[placed(), cancelled(OWNER)], &cancel(OWNER, Role::User), Err(refusal.clone()));
    check::<Order>(&[placed(), cancelled(OWNER)], &cancel(STRANGER, Role::Admin), Err(refusal.clone()));
    assert_eq!(refusal.to_string(), "an order that is CANCELLED cannot be cancelled");
}

#[test]
fn an_order_may_be_cancelled_without_a_reason() {
    let when = OrderCommand::Cancel { by: actor(OWNER, Role::User), reason: None };
    let then = OrderEvent::Cancelled(OrderCancelled { cancelled_by: user(OWNER), reason: None });
    check::<Order>(&[placed()], &when, Ok(vec![then]));
}

#[test]
fn an_order_keeps_its_owner_lines_and_total() {
    for (events, status) in
        [(vec![placed()], OrderStatus::Created), (vec![placed(), cancelled(OWNER)], OrderStatus::Cancelled)]
    {
        let state = domain::fold::<Order>(&events).unwrap();
        assert_eq!(state.status(), status);
        let details = state.details();
        assert_eq!((&details.owner, details.lines.len(), details.total), (&user(OWNER), 1, euro(1_500)));
    }
}
