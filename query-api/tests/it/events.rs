//! Events as they arrive from a topic.

use schemas::{
    CancellationCause, Currency, EventId, Money, OrderCancelled, OrderEvent, OrderId, OrderLine, OrderPlaced,
    PaymentDeclined, PaymentEvent, PaymentMethod, PaymentRequested, ProductEvent, ProductPriceChanged,
    ProductRegistered, Recorded, Sku, StockEvent, StockReceived, StockReserved, StreamId, Timestamp, UserId, Version,
};
use uuid::Uuid;

/// An event of this stream and version, `second` seconds after a day in 2023.
fn recorded<E>(stream: StreamId, version: u32, second: i64, event: E) -> Recorded<E> {
    Recorded {
        stream,
        version: Version(version),
        id: EventId(Uuid::now_v7()),
        at: Timestamp::from_micros(1_700_000_000_000_000 + second * 1_000_000),
        owner: None,
        correlation: "test".into(),
        causation: None,
        traceparent: None,
        event,
    }
}

fn owned<E>(user: &str, event: Recorded<E>) -> Recorded<E> {
    Recorded { owner: Some(UserId::parse(user).unwrap()), ..event }
}

fn stream(id: &str) -> StreamId {
    StreamId::parse(id).unwrap()
}

fn euro(amount: i64) -> Money {
    Money { amount, currency: Currency::parse("EUR").unwrap() }
}

pub(crate) fn placed(order: &str, user: &str, second: i64) -> Recorded<OrderEvent> {
    let line = OrderLine { sku: Sku::parse("mouse").unwrap(), name: "Mouse".to_owned(), quantity: 2, unit_price: 599 };
    let event = OrderPlaced {
        user_id: UserId::parse(user).unwrap(),
        lines: vec![line],
        currency: Currency::parse("EUR").unwrap(),
        total_amount: 1198,
        payment_method: None,
    };
    owned(user, recorded(stream(order), 1, second, OrderEvent::Placed(event)))
}

pub(crate) fn cancelled(order: &str, user: &str, second: i64) -> Recorded<OrderEvent> {
    let event = OrderCancelled {
        cause: CancellationCause::Requested,
        cancelled_by: Some(UserId::parse(user).unwrap()),
        reason: None,
    };
    owned(user, recorded(stream(order), 2, second, OrderEvent::Cancelled(event)))
}

/// What is asked for an order.
pub(crate) fn payment_requested(order: &str, user: &str, second: i64) -> Recorded<PaymentEvent> {
    let id = OrderId::parse(order).unwrap();
    let event = PaymentRequested {
        order: id.clone(),
        user: UserId::parse(user).unwrap(),
        amount: euro(1198),
        method: PaymentMethod::parse("pm_card_visa").unwrap(),
    };
    owned(user, recorded(id.payment().stream().clone(), 1, second, PaymentEvent::Requested(event)))
}

/// The second event of an order's payment.
pub(crate) fn payment_declined(order: &str, user: &str, second: i64) -> Recorded<PaymentEvent> {
    let stream = OrderId::parse(order).unwrap().payment().stream().clone();
    let event = PaymentDeclined { reason: "card_declined".to_owned() };
    owned(user, recorded(stream, 2, second, PaymentEvent::Declined(event)))
}

pub(crate) fn registered(sku: &str, second: i64) -> Recorded<ProductEvent> {
    let sku = Sku::parse(sku).unwrap();
    let event = ProductRegistered { sku: sku.clone(), name: "Mouse".to_owned(), price: euro(599) };
    recorded(sku.product(), 1, second, ProductEvent::Registered(event))
}

pub(crate) fn repriced(sku: &str, amount: i64) -> Recorded<ProductEvent> {
    let event = ProductPriceChanged { price: euro(amount) };
    recorded(Sku::parse(sku).unwrap().product(), 2, 900, ProductEvent::PriceChanged(event))
}

pub(crate) fn received(sku: &str, version: u32, quantity: i64) -> Recorded<StockEvent> {
    let sku = Sku::parse(sku).unwrap();
    let event = StockReceived { sku: sku.clone(), quantity, reason: None };
    recorded(sku.stock(), version, 901, StockEvent::Received(event))
}

pub(crate) fn reserved(sku: &str, version: u32, quantity: i64) -> Recorded<StockEvent> {
    let sku = Sku::parse(sku).unwrap();
    let until = Timestamp::from_micros(0);
    let event = StockReserved { sku: sku.clone(), order: OrderId::from_bits(1), quantity, until };
    recorded(sku.stock(), version, 902, StockEvent::Reserved(event))
}
