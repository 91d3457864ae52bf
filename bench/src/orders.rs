//! Orders that were never placed by anybody: events and commits as the command API makes them, in any number.

use event_store::{CommandRecord, Commit, Fingerprint, StoredEvent};
use schemas::{
    AnyEvent, Currency, Event as _, EventId, OrderEvent, OrderId, OrderLine, OrderPlaced, Recorded, Sku, Timestamp,
    UserId, Version,
};
use uuid::Uuid;

use crate::world::SKUS;

/// How many users share them.
const USERS: u128 = 1_000;

/// What an order says when three things are bought.
#[must_use]
pub(crate) fn placed(user: UserId) -> OrderPlaced {
    let line = |sku: &str| OrderLine {
        sku: Sku::parse(sku).expect("a SKU"),
        name: format!("Product {sku}"),
        quantity: 1,
        unit_price: 490,
    };
    let currency = Currency::parse("EUR").expect("a currency");
    let lines: Vec<_> = SKUS.iter().map(|sku| line(sku)).collect();
    OrderPlaced { user_id: user, lines, currency, total_amount: 3 * 490, payment_method: None }
}

/// The user of the order of this number.
#[must_use]
pub(crate) fn owner(number: u128) -> UserId {
    UserId::from_bits(number % USERS)
}

/// The commit of an order that no other call has made.
#[must_use]
pub(crate) fn commit() -> Commit {
    let id = Uuid::now_v7();
    let (order, user) = (OrderId::from_bits(Uuid::now_v7().as_u128()), owner(id.as_u128()));
    let event = OrderEvent::Placed(placed(user.clone()));
    let command = CommandRecord {
        key: None,
        fingerprint: Some(Fingerprint([7; 32])),
        events: 1,
        caller: user.as_str().into(),
        correlation: Uuid::now_v7().to_string().into(),
        causation: None,
        traceparent: None,
    };
    Commit {
        stream: order.stream().clone(),
        first: Version::FIRST,
        id,
        at: Timestamp::from_micros(runtime::clock::now_micros()),
        owner: Some(user),
        commands: vec![command],
        keys: Vec::new(),
        events: vec![StoredEvent::of(&event).expect("an event that can be stored")],
    }
}

/// An event of an order that no other call has made.
#[must_use]
pub(crate) fn recorded() -> Recorded<AnyEvent> {
    let id = Uuid::now_v7();
    let (order, user) = (OrderId::from_bits(Uuid::now_v7().as_u128()), owner(id.as_u128()));
    Recorded {
        stream: order.stream().clone(),
        version: Version::FIRST,
        id: EventId(id),
        at: Timestamp::from_micros(runtime::clock::now_micros()),
        owner: Some(user.clone()),
        correlation: Uuid::now_v7().to_string().into(),
        causation: None,
        traceparent: None,
        event: OrderEvent::Placed(placed(user)).into_any(),
    }
}
