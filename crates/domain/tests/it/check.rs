//! Given these events, when this is asked, then that comes of it.

use domain::{Actor, Aggregate, Reason, Refusal, fold};
use schemas::{Currency, Money, PaymentMethod, Role, Sealed, Sku, UserId};

/// Checks one decision. `given` must be events that follow from each other.
pub(crate) fn check<A: Aggregate>(given: &[A::Event], when: &A::Command, then: Result<Vec<A::Event>, Refusal>) {
    let state = fold::<A>(given);
    assert_eq!(A::decide(state.as_ref(), when), then);
}

pub(crate) fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

pub(crate) fn euro(amount: i64) -> Money {
    Money { amount, currency: Currency::parse("EUR").unwrap() }
}

pub(crate) fn reason(text: &str) -> Reason {
    Reason::parse(text).unwrap()
}

pub(crate) fn method(text: &str) -> PaymentMethod {
    PaymentMethod::parse(text).unwrap()
}

/// The user of this number.
pub(crate) fn user(number: u128) -> UserId {
    UserId::from_bits(number)
}

/// The user of this number, acting in this role.
pub(crate) fn actor(number: u128, role: Role) -> Actor {
    Actor { user: user(number), role }
}

/// A sealed value; another text, another value.
pub(crate) fn sealed(text: &str) -> Sealed {
    Sealed::parse(text).unwrap()
}
