//! The order, state by state and command by command. How placing prices its lines: `place.rs`.

use domain::Refusal;
use domain::order::{Canceller, Carrier, Catalogue, Listed, Order, OrderCommand, Quantity, RequestedLine, Tracking};
use schemas::{
    CancellationCause, OrderCancelled, OrderDelivered, OrderEvent, OrderLine, OrderPaid, OrderPlaced, OrderRejected,
    OrderReserved, OrderShipped, OrderStatus, RejectionReason, Role,
};

use crate::check::{actor, check, euro, method, reason, sku, user};

const OWNER: u128 = 1;
const STRANGER: u128 = 2;

fn place() -> OrderCommand {
    let line = RequestedLine { sku: sku("MUG"), quantity: Quantity::new(3).unwrap(), expected_price: Some(500) };
    let catalogue = Catalogue::from([(sku("MUG"), Listed::OnSale { name: "Mug".to_owned(), price: euro(500) })]);
    OrderCommand::Place {
        user: user(OWNER),
        lines: vec![line],
        catalogue,
        payment_method: Some(method("pm_card_visa")),
    }
}

fn reject() -> OrderCommand {
    OrderCommand::Reject { reason: RejectionReason::OutOfStock, skus: vec![sku("MUG")] }
}

fn ship() -> OrderCommand {
    let (carrier, tracking) = (Carrier::parse("DHL").unwrap(), Tracking::parse("JJD 1").unwrap());
    OrderCommand::Ship { carrier, tracking }
}

fn cancel(by: u128, role: Role) -> OrderCommand {
    OrderCommand::Cancel { by: Canceller::Person(actor(by, role)), reason: Some(reason("changed my mind")) }
}

fn give_up() -> OrderCommand {
    OrderCommand::Cancel { by: Canceller::System(CancellationCause::PaymentFailed), reason: None }
}

fn placed() -> OrderEvent {
    let line = OrderLine { sku: sku("MUG"), name: "Mug".to_owned(), quantity: 3, unit_price: 500 };
    OrderEvent::Placed(OrderPlaced {
        user_id: user(OWNER),
        lines: vec![line],
        currency: euro(0).currency,
        total_amount: 1_500,
        payment_method: Some(method("pm_card_visa")),
    })
}

fn reserved() -> OrderEvent {
    OrderEvent::Reserved(OrderReserved { pieces: 3 })
}

fn rejected() -> OrderEvent {
    OrderEvent::Rejected(OrderRejected { reason: RejectionReason::OutOfStock, skus: vec![sku("MUG")] })
}

fn paid() -> OrderEvent {
    OrderEvent::Paid(OrderPaid { amount: euro(1_500) })
}

fn shipped() -> OrderEvent {
    OrderEvent::Shipped(OrderShipped { carrier: "DHL".to_owned(), tracking: "JJD 1".to_owned() })
}

fn delivered() -> OrderEvent {
    OrderEvent::Delivered(OrderDelivered { pieces: 3 })
}

fn cancelled(by: u128) -> OrderEvent {
    let (cause, reason) = (CancellationCause::Requested, Some("changed my mind".to_owned()));
    OrderEvent::Cancelled(OrderCancelled { cause, cancelled_by: Some(user(by)), reason })
}

fn given_up() -> OrderEvent {
    OrderEvent::Cancelled(OrderCancelled { cause: CancellationCause::PaymentFailed, cancelled_by: None, reason: None })
}

/// The events that lead to each status.
fn way_to(status: OrderStatus) -> Vec<OrderEvent> {
    match status {
        OrderStatus::Created => vec![placed()],
        OrderStatus::Reserved => vec![placed(), reserved()],
        OrderStatus::Paid => vec![placed(), reserved(), paid()],
        OrderStatus::Shipped => vec![placed(), reserved(), paid(), shipped()],
        OrderStatus::Delivered => vec![placed(), reserved(), paid(), shipped(), delivered()],
        OrderStatus::Cancelled => vec![placed(), cancelled(OWNER)],
        OrderStatus::Rejected => vec![placed(), rejected()],
    }
}

/// What a command does in every status, in the order of [`OrderStatus::ALL`].
fn check_all(when: &OrderCommand, then: [Result<Vec<OrderEvent>, Refusal>; 7]) {
    for (status, then) in OrderStatus::ALL.into_iter().zip(then) {
        check::<Order>(&way_to(status), when, then);
    }
}

/// The refusals of a step to `to`, from each status.
fn cannot_become(to: OrderStatus) -> impl Fn(OrderStatus) -> Result<Vec<OrderEvent>, Refusal> {
    move |from| Err(Refusal::OrderCannotBecome { from, to })
}

fn done() -> Result<Vec<OrderEvent>, Refusal> {
    Ok(vec![])
}

#[test]
fn an_order_is_placed_once() {
    check::<Order>(&[], &place(), Ok(vec![placed()]));
    check_all(&place(), OrderStatus::ALL.map(|_| Err(Refusal::OrderExists)));
}

#[test]
fn nothing_happens_to_an_order_that_was_never_placed() {
    for when in [
        OrderCommand::ConfirmReservation,
        reject(),
        OrderCommand::MarkPaid,
        ship(),
        OrderCommand::ConfirmDelivery,
        cancel(OWNER, Role::User),
        cancel(OWNER, Role::Admin),
        give_up(),
    ] {
        check::<Order>(&[], &when, Err(Refusal::OrderNotFound));
    }
}

#[test]
fn a_created_order_is_reserved_and_stays_so_on_the_way() {
    let no = cannot_become(OrderStatus::Reserved);
    let [cancelled, rejected] = [OrderStatus::Cancelled, OrderStatus::Rejected].map(no);
    check_all(
        &OrderCommand::ConfirmReservation,
        [Ok(vec![reserved()]), done(), done(), done(), done(), cancelled, rejected],
    );
}

#[test]
fn only_a_created_order_is_rejected() {
    let no = cannot_become(OrderStatus::Rejected);
    check_all(
        &reject(),
        [
            Ok(vec![rejected()]),
            no(OrderStatus::Reserved),
            no(OrderStatus::Paid),
            no(OrderStatus::Shipped),
            no(OrderStatus::Delivered),
            no(OrderStatus::Cancelled),
            done(),
        ],
    );
}

#[test]
fn a_reserved_order_is_paid_with_its_total_and_stays_so() {
    let no = cannot_become(OrderStatus::Paid);
    check_all(
        &OrderCommand::MarkPaid,
        [
            no(OrderStatus::Created),
            Ok(vec![paid()]),
            done(),
            done(),
            done(),
            no(OrderStatus::Cancelled),
            no(OrderStatus::Rejected),
        ],
    );
}

#[test]
fn a_paid_order_is_shipped_once() {
    let no = cannot_become(OrderStatus::Shipped);
    let mut then = OrderStatus::ALL.map(no);
    then[2] = Ok(vec![shipped()]);
    check_all(&ship(), then);
}

#[test]
fn a_shipped_order_is_delivered_and_stays_so() {
    let no = cannot_become(OrderStatus::Delivered);
    let mut then = OrderStatus::ALL.map(no);
    then[3] = Ok(vec![delivered()]);
    then[4] = done();
    check_all(&OrderCommand::ConfirmDelivery, then);
}

#[test]
fn its_owner_and_every_admin_may_cancel_an_order_until_it_left_the_house() {
    let no = |status| Err(Refusal::OrderNotCancellable { status });
    for (by, role) in [(OWNER, Role::User), (STRANGER, Role::Admin)] {
        let mut then = OrderStatus::ALL.map(no);
        then[..3].fill(Ok(vec![cancelled(by)]));
        check_all(&cancel(by, role), then);
    }
    let refusal = Refusal::OrderNotCancellable { status: OrderStatus::Shipped };
    assert_eq!(refusal.to_string(), "an order that is SHIPPED cannot be cancelled");
}

#[test]
fn someone_elses_order_does_not_exist() {
    check_all(&cancel(STRANGER, Role::User), OrderStatus::ALL.map(|_| Err(Refusal::OrderNotFound)));
}

#[test]
fn the_system_gives_an_order_up_and_finds_it_cancelled_already() {
    let no = |status| Err(Refusal::OrderNotCancellable { status });
    let mut then = OrderStatus::ALL.map(no);
    then[..3].fill(Ok(vec![given_up()]));
    then[5] = done();
    check_all(&give_up(), then);
}

#[test]
fn an_order_may_be_cancelled_without_a_reason() {
    let when = OrderCommand::Cancel { by: Canceller::Person(actor(OWNER, Role::User)), reason: None };
    let then = OrderEvent::Cancelled(OrderCancelled {
        cause: CancellationCause::Requested,
        cancelled_by: Some(user(OWNER)),
        reason: None,
    });
    check::<Order>(&[placed()], &when, Ok(vec![then]));
}

#[test]
fn an_order_keeps_its_owner_lines_and_total() {
    for status in OrderStatus::ALL {
        let state = domain::fold::<Order>(&way_to(status)).unwrap();
        assert_eq!(state.status, status);
        let details = state.details;
        assert_eq!((&details.owner, details.lines.len(), details.total), (&user(OWNER), 1, euro(1_500)));
    }
}
