//! What holds for every sequence of commands, and for every sequence of events. Of the stock: `stock/laws.rs`.

use domain::order::{Canceller, Carrier, Catalogue, Listed, Order, OrderCommand, Quantity, RequestedLine, Tracking};
use domain::product::{Price, Product, ProductCommand, ProductName};
use domain::user::{User, UserCommand};
use domain::{Aggregate, MAX_AMOUNT, Refusal, fold};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use schemas::{
    CancellationCause, Currency, Money, OrderCancelled, OrderDelivered, OrderEvent, OrderPaid, OrderPlaced,
    OrderRejected, OrderReserved, OrderShipped, OrderStatus, ProductEvent, RejectionReason, Role, SessionId, Sku,
};

use crate::check::{actor, euro, sku, user};

/// Gives the commands one after the other; returns what happened.
pub(crate) fn run<A: Aggregate>(commands: &[A::Command]) -> Vec<A::Event> {
    let mut happened = Vec::new();
    for command in commands {
        let state = fold::<A>(&happened);
        if let Ok(events) = A::decide(state.as_ref(), command) {
            happened.extend(events);
        }
    }
    happened
}

/// What a command brings about that was carried out just before.
pub(crate) fn repeated<A: Aggregate>(before: &[A::Command], command: &A::Command) -> Result<Vec<A::Event>, Refusal> {
    let mut events = run::<A>(before);
    if let Ok(more) = A::decide(fold::<A>(&events).as_ref(), command) {
        events.extend(more);
    }
    A::decide(fold::<A>(&events).as_ref(), command)
}

pub(crate) fn changes_nothing<E>(decision: &Result<Vec<E>, Refusal>) -> bool {
    decision.as_ref().map_or(true, Vec::is_empty)
}

fn any_sku() -> impl Strategy<Value = Sku> {
    (0..130).prop_map(|number| sku(&format!("S{number}")))
}

/// Mostly sensible, sometimes as large as money can be, in one of two currencies.
fn any_money() -> impl Strategy<Value = Money> {
    let amount = prop_oneof![8 => 1..10_000_i64, 1 => any::<i64>(), 1 => Just(MAX_AMOUNT)];
    let currency = prop_oneof![9 => Just("EUR"), 1 => Just("USD")];
    (amount, currency).prop_map(|(amount, code)| Money { amount, currency: Currency::parse(code).unwrap() })
}

fn any_line() -> impl Strategy<Value = RequestedLine> {
    let quantity = prop_oneof![9 => 1..50_i64, 1 => 1..=Quantity::MAX];
    let expected = prop_oneof![9 => Just(None), 1 => option::of(any::<i64>())];
    (any_sku(), quantity, expected).prop_map(|(sku, quantity, expected_price)| {
        let quantity = Quantity::new(quantity).unwrap();
        RequestedLine { sku, quantity, expected_price }
    })
}

fn on_sale(price: Money) -> Listed {
    Listed::OnSale { name: "thing".to_owned(), price }
}

fn any_catalogue() -> impl Strategy<Value = Catalogue> {
    let listed = (any_sku(), any_money()).prop_map(|(sku, price)| (sku, on_sale(price)));
    let gone = any_sku().prop_map(|sku| (sku, Listed::Discontinued));
    let listed = prop_oneof![9 => listed, 1 => gone];
    let cheap = (0..130).map(|number| (sku(&format!("S{number}")), on_sale(euro(7))));
    let complete = Just(cheap.collect::<Catalogue>());
    prop_oneof![complete, vec(listed, 0..200).prop_map(Catalogue::from_iter)]
}

fn any_role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::User), Just(Role::Admin)]
}

fn order_command() -> impl Strategy<Value = OrderCommand> {
    let place = (0..3_u128, vec(any_line(), 0..120), any_catalogue()).prop_map(|(owner, lines, catalogue)| {
        OrderCommand::Place { user: user(owner), lines, catalogue, payment_method: None }
    });
    let canceller = prop_oneof![
        4 => (0..3_u128, any_role()).prop_map(|(by, role)| Canceller::Person(actor(by, role))),
        1 => Just(Canceller::System(CancellationCause::PaymentFailed)),
    ];
    let ship = OrderCommand::Ship { carrier: Carrier::parse("DHL").unwrap(), tracking: Tracking::parse("1").unwrap() };
    prop_oneof![
        2 => place,
        2 => Just(OrderCommand::ConfirmReservation),
        1 => Just(OrderCommand::Reject { reason: RejectionReason::OutOfStock, skus: vec![] }),
        2 => Just(OrderCommand::MarkPaid),
        2 => Just(ship),
        2 => Just(OrderCommand::ConfirmDelivery),
        1 => canceller.prop_map(|by| OrderCommand::Cancel { by, reason: None }),
    ]
}

fn product_command() -> impl Strategy<Value = ProductCommand> {
    let price = || (1..20_i64).prop_map(|amount| Price::new(euro(amount)).unwrap());
    let name = || "[a-c]".prop_map(|name| ProductName::parse(&name).unwrap());
    prop_oneof![
        3 => (name(), price()).prop_map(|(name, price)| ProductCommand::Register { sku: sku("MUG"), name, price }),
        3 => price().prop_map(|price| ProductCommand::ChangePrice { price }),
        3 => name().prop_map(|name| ProductCommand::Rename { name }),
        1 => Just(ProductCommand::Discontinue),
    ]
}

/// All but logging out everywhere, which does something every time.
fn repeatable_user_command() -> impl Strategy<Value = UserCommand> {
    let session = (0..80).prop_map(|number| SessionId::parse(&format!("s{number}")).unwrap());
    prop_oneof![
        any_role().prop_map(|role| UserCommand::Register { role }),
        session.prop_map(|session| UserCommand::EndSession { session }),
    ]
}

fn order_event() -> impl Strategy<Value = OrderEvent> {
    let placed = any::<i64>().prop_map(|total_amount| {
        let currency = euro(0).currency;
        OrderEvent::Placed(OrderPlaced {
            user_id: user(1),
            lines: vec![],
            currency,
            total_amount,
            payment_method: None,
        })
    });
    let shipped = OrderShipped { carrier: "DHL".to_owned(), tracking: "1".to_owned() };
    prop_oneof![
        placed,
        Just(OrderEvent::Reserved(OrderReserved { pieces: 3 })),
        Just(OrderEvent::Rejected(OrderRejected { reason: RejectionReason::OutOfStock, skus: vec![] })),
        Just(OrderEvent::Paid(OrderPaid { amount: euro(1) })),
        Just(OrderEvent::Shipped(shipped)),
        Just(OrderEvent::Delivered(OrderDelivered { pieces: 3 })),
        Just(OrderEvent::Cancelled(OrderCancelled {
            cause: CancellationCause::Requested,
            cancelled_by: Some(user(1)),
            reason: None
        })),
    ]
}

/// Nothing can follow it.
fn is_last(event: &OrderEvent) -> bool {
    match event {
        OrderEvent::Rejected(_) | OrderEvent::Delivered(_) | OrderEvent::Cancelled(_) => true,
        OrderEvent::Placed(_) | OrderEvent::Reserved(_) | OrderEvent::Paid(_) | OrderEvent::Shipped(_) => false,
    }
}

proptest! {
    #[test]
    fn an_order_ends_at_most_once_and_nothing_follows(commands in vec(order_command(), 0..16)) {
        let events = run::<Order>(&commands);
        let placed = events.iter().filter(|event| matches!(event, OrderEvent::Placed(_))).count();
        let end = events.iter().position(is_last);
        prop_assert!(placed <= 1 && end.is_none_or(|end| end + 1 == events.len()), "{:?}", events);
    }

    #[test]
    fn every_event_of_an_order_leads_to_another_status(commands in vec(order_command(), 0..16)) {
        let mut state = None;
        for event in run::<Order>(&commands) {
            let before = state.clone();
            state = Order::evolve(state, &event);
            prop_assert_ne!(&state, &before, "{:?} was decided and changed nothing", event);
        }
    }

    #[test]
    fn a_total_is_the_sum_of_its_lines(command in order_command()) {
        for event in run::<Order>(&[command]) {
            let OrderEvent::Placed(placed) = event else { continue };
            let sum: i128 = placed.lines.iter().map(|line| i128::from(line.quantity) * i128::from(line.unit_price)).sum();
            prop_assert_eq!(i128::from(placed.total_amount), sum);
            prop_assert!(placed.total_amount <= MAX_AMOUNT && (1..=100).contains(&placed.lines.len()));
        }
    }

    #[test]
    fn a_repeated_command_changes_nothing_of_an_order(before in vec(order_command(), 0..3), command in order_command()) {
        prop_assert!(changes_nothing(&repeated::<Order>(&before, &command)));
    }

    #[test]
    fn a_repeated_command_changes_nothing_of_a_product(
        before in vec(product_command(), 0..5), command in product_command(),
    ) {
        prop_assert!(changes_nothing(&repeated::<Product>(&before, &command)));
    }

    #[test]
    fn nothing_happens_to_a_discontinued_product(commands in vec(product_command(), 0..12)) {
        let events = run::<Product>(&commands);
        let end = events.iter().position(|event| matches!(event, ProductEvent::Discontinued(_)));
        prop_assert!(end.is_none_or(|end| end + 1 == events.len()), "{:?}", events);
    }

    #[test]
    fn a_repeated_command_changes_nothing_of_a_user(
        before in vec(repeatable_user_command(), 0..100), command in repeatable_user_command(),
    ) {
        prop_assert!(changes_nothing(&repeated::<User>(&before, &command)));
    }

    #[test]
    fn no_sequence_of_events_panics_and_an_ended_order_stays_so(events in vec(order_event(), 0..10)) {
        let mut state = None;
        let ended = [OrderStatus::Delivered, OrderStatus::Cancelled, OrderStatus::Rejected];
        for event in &events {
            let before = state.clone();
            state = Order::evolve(state, event);
            prop_assert!(!before.as_ref().is_some_and(|order| ended.contains(&order.status)) || state == before);
        }
    }
}
