//! The payment of an order: set aside, taken, let go, given back. What is requested is decided here; what the provider
//! made of it is recorded, and never against what is recorded already.
//!
//! Promises: what was taken was set aside before, what is given back was taken, and a refund is given once. A payment
//! has the id of its order, so an order has one payment at most.

mod decide;
mod evolve;

use std::collections::BTreeMap;

use schemas::{
    LastFour, Money, OrderId, PaymentEvent, PaymentMethod, PaymentRequested, PaymentStatus, ProviderId, RefundId,
    UserId,
};

use crate::{Aggregate, Refusal};

/// The payment's rules.
#[derive(Debug, Clone, Copy)]
pub enum Payment {}

/// What a payment can be told to do, and what can be told of the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentCommand {
    /// Comes into being: the provider is to set the order's total aside.
    Request {
        /// The order that is paid.
        order: OrderId,
        /// Who pays.
        user: UserId,
        /// The order's total.
        amount: Money,
        /// What is paid with.
        method: PaymentMethod,
    },
    /// The provider set the money aside.
    RecordAuthorization {
        /// How it calls this payment.
        provider_id: ProviderId,
        /// The last four digits of the card, if it was one.
        last4: Option<LastFour>,
    },
    /// The provider refused to set the money aside.
    RecordDecline {
        /// Its code for why.
        reason: String,
    },
    /// The provider's answer to what was requested last was lost.
    MarkUnknown {
        /// How.
        reason: String,
    },
    /// The provider is to take what was set aside.
    RequestCapture,
    /// It did.
    RecordCapture,
    /// The provider is to let go of what was, or will be, set aside.
    RequestVoid,
    /// It did.
    RecordVoid,
    /// The provider is to give money back.
    RequestRefund {
        /// Which refund: the same one again changes nothing.
        refund: RefundId,
        /// Minor units; `None` for all that is left.
        amount: Option<i64>,
    },
    /// It did.
    RecordRefund {
        /// Which refund.
        refund: RefundId,
    },
    /// It refused to.
    RejectRefund {
        /// Which refund.
        refund: RefundId,
        /// Its code for why.
        reason: String,
    },
    /// The provider let go of what was set aside, by itself.
    RecordExpiry,
}

/// What is known of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentState {
    /// The provider is to set the money aside.
    Requested(PaymentDetails, Answer),
    /// The same, but what it sets aside is to be let go.
    Abandoned(PaymentDetails, Answer),
    /// The money is set aside.
    Authorized(Hold),
    /// The provider is to take it.
    Capturing(Hold, Answer),
    /// The provider is to let it go.
    Voiding(Hold, Answer),
    /// It was taken, and some of it perhaps given back.
    Captured(Taken),
    /// The provider refused to set it aside.
    Declined(PaymentDetails),
    /// It was let go, as requested.
    Voided(Hold),
    /// It was let go by the provider itself.
    Expired(Hold),
}

/// What was fixed when the payment was requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentDetails {
    /// The order that is paid.
    pub order: OrderId,
    /// Who pays.
    pub user: UserId,
    /// The order's total.
    pub amount: Money,
    /// What is paid with.
    pub method: PaymentMethod,
}

/// Whether the provider's answer to what was requested last is on its way or lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing is known to the contrary.
    Awaited,
    /// The provider must be asked what it did.
    Lost,
}

/// Money that the provider set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// What was fixed when the payment was requested.
    pub details: PaymentDetails,
    /// How the provider calls this payment.
    pub provider_id: ProviderId,
    /// The last four digits of the card, if it was one.
    pub last4: Option<LastFour>,
}

/// Money that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What had been set aside; all of it was taken.
    pub hold: Hold,
    /// Every refund that was ever requested.
    pub refunds: BTreeMap<RefundId, Refund>,
}

/// Money that is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refund {
    /// How much.
    pub amount: Money,
    /// What the provider made of it.
    pub outcome: RefundOutcome,
}

/// What the provider made of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundOutcome {
    /// It has not answered yet.
    Awaited,
    /// It gave the money back.
    Given,
    /// It did not.
    Refused,
}

/// What the provider is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Set the money aside.
    Authorize,
    /// Take it.
    Capture,
    /// Let it go.
    Void,
    /// Give some of it back.
    Refund {
        /// Which refund.
        refund: RefundId,
        /// How much.
        amount: Money,
    },
}

impl PaymentState {
    /// What was fixed when the payment was requested.
    #[must_use]
    pub const fn details(&self) -> &PaymentDetails {
        match self {
            Self::Requested(details, _) | Self::Abandoned(details, _) | Self::Declined(details) => details,
            Self::Authorized(hold)
            | Self::Capturing(hold, _)
            | Self::Voiding(hold, _)
            | Self::Captured(Taken { hold, .. })
            | Self::Voided(hold)
            | Self::Expired(hold) => &hold.details,
        }
    }

    /// What the provider set aside, whatever became of it.
    #[must_use]
    pub const fn hold(&self) -> Option<&Hold> {
        match self {
            Self::Requested(..) | Self::Abandoned(..) | Self::Declined(_) => None,
            Self::Authorized(hold)
            | Self::Capturing(hold, _)
            | Self::Voiding(hold, _)
            | Self::Captured(Taken { hold, .. })
            | Self::Voided(hold)
            | Self::Expired(hold) => Some(hold),
        }
    }

    /// What the provider is to do next. It depends on nothing else, so it is found again after a crash. Only refunds can
    /// be several, and none of them waits for another.
    #[must_use]
    pub fn due(&self) -> Vec<Due> {
        match self {
            Self::Requested(..) | Self::Abandoned(..) => vec![Due::Authorize],
            Self::Capturing(..) => vec![Due::Capture],
            Self::Voiding(..) => vec![Due::Void],
            Self::Captured(taken) => taken.due(),
            Self::Authorized(_) | Self::Declined(_) | Self::Voided(_) | Self::Expired(_) => vec![],
        }
    }

    /// What this state is called outside.
    #[must_use]
    pub fn status(&self) -> PaymentStatus {
        match self {
            Self::Requested(_, Answer::Lost)
            | Self::Abandoned(_, Answer::Lost)
            | Self::Capturing(_, Answer::Lost)
            | Self::Voiding(_, Answer::Lost) => PaymentStatus::Unknown,
            Self::Requested(_, Answer::Awaited) | Self::Abandoned(_, Answer::Awaited) => PaymentStatus::Requested,
            Self::Authorized(_) | Self::Capturing(_, Answer::Awaited) | Self::Voiding(_, Answer::Awaited) => {
                PaymentStatus::Authorized
            }
            Self::Captured(taken) => taken.status(),
            Self::Declined(_) => PaymentStatus::Declined,
            Self::Voided(_) => PaymentStatus::Voided,
            Self::Expired(_) => PaymentStatus::Expired,
        }
    }
}

impl Taken {
    /// Minor units that were given back.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        self.sum(|outcome| outcome == RefundOutcome::Given)
    }

    /// Minor units that can still be asked back: what was taken, less what was or may yet be given back.
    #[must_use]
    pub fn left(&self) -> i64 {
        self.hold.details.amount.amount - self.sum(|outcome| outcome != RefundOutcome::Refused)
    }

    fn sum(&self, counts: impl Fn(RefundOutcome) -> bool) -> i64 {
        self.refunds.values().filter(|refund| counts(refund.outcome)).map(|refund| refund.amount.amount).sum()
    }

    fn due(&self) -> Vec<Due> {
        let awaited = self.refunds.iter().filter(|(_, refund)| refund.outcome == RefundOutcome::Awaited);
        awaited.map(|(refund, Refund { amount, .. })| Due::Refund { refund: refund.clone(), amount: *amount }).collect()
    }

    fn status(&self) -> PaymentStatus {
        match self.refunded() {
            0 => PaymentStatus::Captured,
            all if all == self.hold.details.amount.amount => PaymentStatus::Refunded,
            _ => PaymentStatus::PartiallyRefunded,
        }
    }
}

impl From<&PaymentRequested> for PaymentDetails {
    fn from(requested: &PaymentRequested) -> Self {
        let PaymentRequested { order, user, amount, method } = requested.clone();
        Self { order, user, amount, method }
    }
}

impl Aggregate for Payment {
    type State = PaymentState;
    type Command = PaymentCommand;
    type Event = PaymentEvent;

    fn evolve(state: Option<PaymentState>, event: &PaymentEvent) -> Option<PaymentState> {
        match (state, event) {
            (None, PaymentEvent::Requested(requested)) => {
                Some(PaymentState::Requested(requested.into(), Answer::Awaited))
            }
            (Some(state), event) => Some(state.after(event)),
            (
                None,
                PaymentEvent::Authorized(_)
                | PaymentEvent::Declined(_)
                | PaymentEvent::MarkedUnknown(_)
                | PaymentEvent::CaptureRequested(_)
                | PaymentEvent::Captured(_)
                | PaymentEvent::VoidRequested(_)
                | PaymentEvent::Voided(_)
                | PaymentEvent::RefundRequested(_)
                | PaymentEvent::Refunded(_)
                | PaymentEvent::RefundRejected(_)
                | PaymentEvent::Expired(_),
            ) => None,
        }
    }

    fn decide(state: Option<&PaymentState>, command: &PaymentCommand) -> Result<Vec<PaymentEvent>, Refusal> {
        decide::decide(state, command).map(|event| event.into_iter().collect())
    }
}
