//! What becomes of a payment, by its payment method.

/// An outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The card with these last four digits pays.
    Approve(&'static str),
    /// The bank refuses, with this code.
    Decline(&'static str),
    /// There is no such payment method.
    Unknown,
}

/// When the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// At once.
    AtOnce,
    /// After a while, the first time.
    Slow,
    /// Never, the first time: the caller gives up before.
    TooLate,
    /// Only after a while does the provider take the request at all.
    Down,
}

/// What becomes of a payment with this method, and when its maker hears of it.
pub(super) fn of(method: &str) -> (Outcome, Pace) {
    match method {
        "pm_card_visa" => (Outcome::Approve("4242"), Pace::AtOnce),
        "pm_card_mastercard" => (Outcome::Approve("4444"), Pace::AtOnce),
        "pm_card_chargeDeclined" => (Outcome::Decline("generic_decline"), Pace::AtOnce),
        "pm_card_chargeDeclinedInsufficientFunds" => (Outcome::Decline("insufficient_funds"), Pace::AtOnce),
        "pm_orderflow_timeoutThenApproved" => (Outcome::Approve("4242"), Pace::TooLate),
        "pm_orderflow_slow" => (Outcome::Approve("4242"), Pace::Slow),
        "pm_orderflow_down" => (Outcome::Approve("4242"), Pace::Down),
        _ => (Outcome::Unknown, Pace::AtOnce),
    }
}
