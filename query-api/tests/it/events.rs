//! Events as they arrive from a topic.

use schemas::{
    CancellationCause, Currency, EventId, FulfilmentEvent, FulfilmentStarted, FulfilmentStep, FulfilmentStepRecorded,
    Money, OrderCancelled, OrderEvent, OrderId, OrderLine, OrderPaid, OrderPlaced, OrderReserved, OrderShipped,
    PaymentDeclined, PaymentEvent, PaymentMethod, PaymentRefundRequested, PaymentRequested, ProductEvent,
    ProductPriceChanged, ProductRegistered, Recorded, RefundId, Role, Sealed, Sku, StockEvent, StockReceived,
    StockReserved, StreamId, Timestamp, UserErased, UserEvent, UserId, UserProfileChanged, UserRegistered, Version,
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

/// What happens to a placed order until it is on its way.
pub(crate) fn sent_off(order: &str, user: &str, second: i64) -> [Recorded<OrderEvent>; 3] {
    let paid = OrderPaid { amount: euro(1198) };
    let shipped = OrderShipped { carrier: "DHL".to_owned(), tracking: "JJD 1".to_owned() };
    [
        (2, OrderEvent::Reserved(OrderReserved { pieces: 2 })),
        (3, OrderEvent::Paid(paid)),
        (4, OrderEvent::Shipped(shipped)),
    ]
    .map(|(version, event)| owned(user, recorded(stream(order), version, second, event)))
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

/// The third event of an order's payment.
pub(crate) fn refund_requested(order: &str, user: &str, second: i64) -> Recorded<PaymentEvent> {
    let stream = OrderId::parse(order).unwrap().payment().stream().clone();
    let event = PaymentRefundRequested { refund: RefundId::parse("r1").unwrap(), amount: euro(100) };
    owned(user, recorded(stream, 3, second, PaymentEvent::RefundRequested(event)))
}

/// An order begins to be carried out.
pub(crate) fn started(order: &str, user: &str, second: i64) -> Recorded<FulfilmentEvent> {
    let order = OrderId::parse(order).unwrap();
    let event = FulfilmentStarted {
        order: order.clone(),
        user: UserId::parse(user).unwrap(),
        items: Vec::new(),
        amount: euro(1198),
        method: PaymentMethod::parse("pm_card_visa").unwrap(),
    };
    owned(user, recorded(order.fulfilment().stream().clone(), 1, second, FulfilmentEvent::Started(event)))
}

/// The second event of an order's fulfilment.
pub(crate) fn step_recorded(order: &str, user: &str, second: i64) -> Recorded<FulfilmentEvent> {
    let stream = OrderId::parse(order).unwrap().fulfilment().stream().clone();
    let event = FulfilmentStepRecorded { number: 1, step: FulfilmentStep::RequestPayment, sku: None, until: None };
    owned(user, recorded(stream, 2, second, FulfilmentEvent::StepRecorded(event)))
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

/// A sealed value as the projector's vault leaves it.
fn opened(clear: &str) -> Sealed {
    Sealed::parse("AQ").unwrap().opened(clear)
}

/// A user of this name, with an address made from it.
pub(crate) fn joined(user: &str, first: &str, last: &str, second: i64) -> Recorded<UserEvent> {
    let registered = UserRegistered {
        email: opened(&format!("{}@example.org", first.to_lowercase())),
        first_name: opened(first),
        last_name: opened(last),
        role: Role::User,
    };
    recorded(stream(user), 1, second, UserEvent::Registered(registered))
}

pub(crate) fn renamed(user: &str, version: u32, last: &str, second: i64) -> Recorded<UserEvent> {
    let changed = UserProfileChanged { email: None, first_name: None, last_name: Some(opened(last)) };
    recorded(stream(user), version, second, UserEvent::ProfileChanged(changed))
}

pub(crate) fn erased(user: &str, version: u32, second: i64) -> Recorded<UserEvent> {
    let erased_by = UserId::parse("usr_admin").unwrap();
    recorded(stream(user), version, second, UserEvent::Erased(UserErased { erased_by }))
}

pub(crate) fn reserved(sku: &str, version: u32, quantity: i64) -> Recorded<StockEvent> {
    let sku = Sku::parse(sku).unwrap();
    let until = Timestamp::from_micros(0);
    let event = StockReserved { sku: sku.clone(), order: OrderId::from_bits(1), quantity, until };
    recorded(sku.stock(), version, 902, StockEvent::Reserved(event))
}
