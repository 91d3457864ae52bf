//! Events to test with: one fixed event per record, and any event at random.

mod fulfilment;
mod payment;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::{option, sample};
use schemas::{
    AnyEvent, CancellationCause, Currency, Money, OrderCancelled, OrderDelivered, OrderEvent, OrderId, OrderLine,
    OrderPaid, OrderPlaced, OrderRejected, OrderReserved, OrderShipped, PaymentMethod, ProductDiscontinued,
    ProductEvent, ProductPriceChanged, ProductRegistered, ProductRenamed, RejectionReason, Role, SessionId, Sku,
    StockAdjusted, StockEvent, StockReceived, StockReservationCommitted, StockReservationExpired,
    StockReservationRejected, StockReservationReleased, StockReserved, Timestamp, UserEvent, UserId, UserRegistered,
    UserSessionEnded, UserSessionsRevoked,
};

/// One event per record with every field filled, in the order of the records.
pub(crate) fn one_of_each() -> Vec<AnyEvent> {
    let mug = Sku::parse("MUG-blue").unwrap();
    let pot = Sku::parse("tea_pot").unwrap();
    let user_id = UserId::from_bits(0x1234_5678_9abc_def0_1122_3344_5566_7788);
    let price = Money { amount: 1_250, currency: Currency::parse("EUR").unwrap() };
    let line = |sku: &Sku, name: &str, quantity, unit_price| OrderLine {
        sku: sku.clone(),
        name: name.to_owned(),
        quantity,
        unit_price,
    };
    let lines = vec![line(&mug, "Mug, blue", 2, 1_250), line(&pot, "Teapot für zwei ☕", 1, 4_999)];
    let reason = Some("ordered twice".to_owned());
    let mut events = vec![
        OrderEvent::Placed(OrderPlaced {
            user_id: user_id.clone(),
            lines,
            currency: price.currency,
            total_amount: 7_499,
            payment_method: Some(PaymentMethod::parse("pm_card_visa").unwrap()),
        })
        .into(),
        OrderEvent::Reserved(OrderReserved { pieces: 3 }).into(),
        OrderEvent::Rejected(OrderRejected { reason: RejectionReason::OutOfStock, skus: vec![pot] }).into(),
        OrderEvent::Paid(OrderPaid { amount: Money { amount: 7_499, ..price } }).into(),
        OrderEvent::Shipped(OrderShipped { carrier: "DHL".to_owned(), tracking: "JJD 0001".to_owned() }).into(),
        OrderEvent::Delivered(OrderDelivered { pieces: 3 }).into(),
        OrderEvent::Cancelled(OrderCancelled {
            cause: CancellationCause::PaymentFailed,
            cancelled_by: Some(user_id),
            reason,
        })
        .into(),
        ProductEvent::Registered(ProductRegistered { sku: mug.clone(), name: "Mug, blue".to_owned(), price }).into(),
        ProductEvent::PriceChanged(ProductPriceChanged { price }).into(),
        ProductEvent::Renamed(ProductRenamed { name: "Mug, navy".to_owned() }).into(),
        ProductEvent::Discontinued(ProductDiscontinued { sku: mug.clone() }).into(),
    ];
    events.extend(one_of_each_of_stock(&mug).map(AnyEvent::from));
    events.extend(payment::one_of_each());
    events.extend([
        UserEvent::Registered(UserRegistered { role: Role::Admin }).into(),
        UserEvent::SessionEnded(UserSessionEnded { session: SessionId::parse("s-0001").unwrap() }).into(),
        UserEvent::SessionsRevoked(UserSessionsRevoked { session_version: 2 }).into(),
    ]);
    events.extend(fulfilment::one_of_each().map(AnyEvent::from));
    events
}

/// The settled quantities add up to the reserved one, so that views fold one after the other.
fn one_of_each_of_stock(sku: &Sku) -> [StockEvent; 7] {
    let order = OrderId::from_bits(0x0f1e_2d3c_4b5a_6978_8796_a5b4_c3d2_e1f0);
    let until = Timestamp::from_micros(1_700_000_900_000_000);
    let reason = |text: &str| Some(text.to_owned());
    let sku = || sku.clone();
    let of = || order.clone();
    [
        StockEvent::Received(StockReceived { sku: sku(), quantity: 250, reason: reason("delivery 17") }),
        StockEvent::Adjusted(StockAdjusted { sku: sku(), delta: -3, reason: reason("broken") }),
        StockEvent::Reserved(StockReserved { sku: sku(), order: of(), quantity: 6, until }),
        StockEvent::ReservationRejected(StockReservationRejected {
            sku: sku(),
            order: of(),
            quantity: 900,
            available: 241,
        }),
        StockEvent::ReservationReleased(StockReservationReleased { sku: sku(), order: of(), quantity: 1 }),
        StockEvent::ReservationCommitted(StockReservationCommitted { sku: sku(), order: of(), quantity: 2 }),
        StockEvent::ReservationExpired(StockReservationExpired { sku: sku(), order: of(), quantity: 3 }),
    ]
}

/// Any event that its types allow.
pub(crate) fn any_event() -> impl Strategy<Value = AnyEvent> {
    prop_oneof![order(), product(), stock(), payment::any_event(), user(), fulfilment::any_event()]
}

fn order() -> impl Strategy<Value = AnyEvent> {
    let line = (sku(), any::<String>(), any::<i64>(), any::<i64>())
        .prop_map(|(sku, name, quantity, unit_price)| OrderLine { sku, name, quantity, unit_price });
    let placed = (user_id(), vec(line, 0..20), currency(), any::<i64>(), option::of(payment::method())).prop_map(
        |(user_id, lines, currency, total_amount, payment_method)| {
            OrderEvent::Placed(OrderPlaced { user_id, lines, currency, total_amount, payment_method })
        },
    );
    let rejected = (sample::select(RejectionReason::ALL), vec(sku(), 0..20))
        .prop_map(|(reason, skus)| OrderEvent::Rejected(OrderRejected { reason, skus }));
    let shipped = (any::<String>(), any::<String>())
        .prop_map(|(carrier, tracking)| OrderEvent::Shipped(OrderShipped { carrier, tracking }));
    let cancelled = (sample::select(CancellationCause::ALL), option::of(user_id()), option::of(any::<String>()))
        .prop_map(|(cause, cancelled_by, reason)| OrderCancelled { cause, cancelled_by, reason });
    prop_oneof![
        placed,
        any::<i64>().prop_map(|pieces| OrderEvent::Reserved(OrderReserved { pieces })),
        rejected,
        money().prop_map(|amount| OrderEvent::Paid(OrderPaid { amount })),
        shipped,
        any::<i64>().prop_map(|pieces| OrderEvent::Delivered(OrderDelivered { pieces })),
        cancelled.prop_map(OrderEvent::Cancelled),
    ]
    .prop_map(AnyEvent::from)
}

fn product() -> impl Strategy<Value = AnyEvent> {
    let registered = (sku(), any::<String>(), money())
        .prop_map(|(sku, name, price)| ProductEvent::Registered(ProductRegistered { sku, name, price }));
    let changed = money().prop_map(|price| ProductEvent::PriceChanged(ProductPriceChanged { price }));
    let renamed = any::<String>().prop_map(|name| ProductEvent::Renamed(ProductRenamed { name }));
    let discontinued = sku().prop_map(|sku| ProductEvent::Discontinued(ProductDiscontinued { sku }));
    prop_oneof![registered, changed, renamed, discontinued].prop_map(AnyEvent::from)
}

fn stock() -> impl Strategy<Value = AnyEvent> {
    let booked = || (sku(), any::<i64>(), option::of(any::<String>()));
    let reserved = || (sku(), order_id(), any::<i64>(), any::<i64>());
    let settled = || (sku(), order_id(), any::<i64>());
    prop_oneof![
        booked().prop_map(|(sku, quantity, reason)| StockEvent::Received(StockReceived { sku, quantity, reason })),
        booked().prop_map(|(sku, delta, reason)| StockEvent::Adjusted(StockAdjusted { sku, delta, reason })),
        reserved().prop_map(|(sku, order, quantity, until)| {
            let until = Timestamp::from_micros(until);
            StockEvent::Reserved(StockReserved { sku, order, quantity, until })
        }),
        reserved().prop_map(|(sku, order, quantity, available)| {
            StockEvent::ReservationRejected(StockReservationRejected { sku, order, quantity, available })
        }),
        settled().prop_map(|(sku, order, quantity)| {
            StockEvent::ReservationReleased(StockReservationReleased { sku, order, quantity })
        }),
        settled().prop_map(|(sku, order, quantity)| {
            StockEvent::ReservationCommitted(StockReservationCommitted { sku, order, quantity })
        }),
        settled().prop_map(|(sku, order, quantity)| {
            StockEvent::ReservationExpired(StockReservationExpired { sku, order, quantity })
        }),
    ]
    .prop_map(AnyEvent::from)
}

fn user() -> impl Strategy<Value = AnyEvent> {
    let role = prop_oneof![Just(Role::User), Just(Role::Admin)];
    let session = "[A-Za-z0-9_-]{1,64}".prop_map(|text| SessionId::parse(&text).unwrap());
    prop_oneof![
        role.prop_map(|role| UserEvent::Registered(UserRegistered { role })),
        session.prop_map(|session| UserEvent::SessionEnded(UserSessionEnded { session })),
        any::<i64>().prop_map(|session_version| UserEvent::SessionsRevoked(UserSessionsRevoked { session_version })),
    ]
    .prop_map(AnyEvent::from)
}

fn sku() -> impl Strategy<Value = Sku> {
    "[A-Za-z0-9_-]{1,64}".prop_map(|text| Sku::parse(&text).unwrap())
}

fn order_id() -> impl Strategy<Value = OrderId> {
    any::<u128>().prop_map(OrderId::from_bits)
}

fn user_id() -> impl Strategy<Value = UserId> {
    any::<u128>().prop_map(UserId::from_bits)
}

fn currency() -> impl Strategy<Value = Currency> {
    "[A-Z]{3}".prop_map(|text| Currency::parse(&text).unwrap())
}

fn money() -> impl Strategy<Value = Money> {
    (any::<i64>(), currency()).prop_map(|(amount, currency)| Money { amount, currency })
}
