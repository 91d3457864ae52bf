//! A stream's events, folded and written as JSON.

use schemas::{Currency, Event, EventId, Money, OrderId, Recorded, Sku, StreamId, Timestamp, UserId, Version};
use uuid::Uuid;
use views::{Unfoldable, View};

/// 2024-05-01T12:00:00Z, when the first event of every stream here happened; each next one is a second later.
pub(crate) const NOON: i64 = 1_714_564_800_000_000;

/// These events as the first of a stream.
pub(crate) fn recorded<E: Event>(stream: &StreamId, events: Vec<E>) -> Vec<Recorded<E>> {
    let envelope = |(event, number): (E, u32)| Recorded {
        stream: stream.clone(),
        version: Version(number + 1),
        id: EventId(Uuid::from_u128(number.into())),
        at: Timestamp::from_micros(NOON + i64::from(number) * 1_000_000),
        owner: None,
        correlation: "request-1".into(),
        causation: None,
        traceparent: None,
        event,
    };
    events.into_iter().zip(0..).map(envelope).collect()
}

/// The view after all of these events.
pub(crate) fn fold<V: View>(stream: &StreamId, events: Vec<V::Event>) -> Result<Option<V>, Unfoldable> {
    recorded(stream, events).iter().try_fold(None, V::apply)
}

/// Checks a view's JSON, and that the view is read from it again. White space around the lines of `then` is for the eye.
pub(crate) fn check<V: View>(stream: &StreamId, given: Vec<V::Event>, then: &str) {
    let view = fold::<V>(stream, given).unwrap().unwrap();
    let json = serde_json::to_string(&view).unwrap();
    assert_eq!(json, then.lines().map(str::trim).collect::<String>());
    assert!(serde_json::from_str::<V>(&json).unwrap() == view, "a view is read as it was written");
}

/// Checks that the last event cannot be folded.
pub(crate) fn check_unfoldable<V: View>(stream: &StreamId, given: Vec<V::Event>, then: &str) {
    let error = fold::<V>(stream, given).map(|view| serde_json::to_string(&view).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), then);
}

pub(crate) fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

pub(crate) fn euro(amount: i64) -> Money {
    Money { amount, currency: Currency::parse("EUR").unwrap() }
}

pub(crate) fn user() -> UserId {
    UserId::parse("usr_1").unwrap()
}

pub(crate) fn order() -> StreamId {
    OrderId::parse("ord_1").unwrap().stream().clone()
}
