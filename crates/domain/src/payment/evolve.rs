//! How each event changes what is known of a payment that exists. One that the state cannot have changes nothing.

use std::collections::BTreeMap;

use schemas::{Money, PaymentAuthorized, PaymentEvent, RefundId};

use super::{Answer, Hold, PaymentState, Refund, RefundOutcome, Taken};

impl PaymentState {
    pub(super) fn after(self, event: &PaymentEvent) -> Self {
        match event {
            PaymentEvent::Requested(_) => self,
            PaymentEvent::Authorized(authorized) => self.authorized(authorized),
            PaymentEvent::Declined(_) => self.declined(),
            PaymentEvent::MarkedUnknown(_) => self.lost(),
            PaymentEvent::CaptureRequested(_) => self.capturing(),
            PaymentEvent::Captured(_) => self.captured(),
            PaymentEvent::VoidRequested(_) => self.voiding(),
            PaymentEvent::Voided(_) => self.voided(),
            PaymentEvent::RefundRequested(refund) => self.refund(&refund.refund, refund.amount, RefundOutcome::Awaited),
            PaymentEvent::Refunded(refund) => self.refund(&refund.refund, refund.amount, RefundOutcome::Given),
            PaymentEvent::RefundRejected(refund) => self.refund(&refund.refund, refund.amount, RefundOutcome::Refused),
            PaymentEvent::Expired(_) => self.expired(),
        }
    }

    fn authorized(self, event: &PaymentAuthorized) -> Self {
        let hold = |details| {
            let PaymentAuthorized { provider_id, last4 } = event.clone();
            Hold { details, provider_id, last4 }
        };
        match self {
            Self::Requested(details, _) => Self::Authorized(hold(details)),
            Self::Abandoned(details, _) => Self::Voiding(hold(details), Answer::Awaited),
            state @ (Self::Authorized(_)
            | Self::Capturing(..)
            | Self::Voiding(..)
            | Self::Captured(_)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_)) => state,
        }
    }

    fn declined(self) -> Self {
        match self {
            Self::Requested(details, _) | Self::Abandoned(details, _) => Self::Declined(details),
            state @ (Self::Authorized(_)
            | Self::Capturing(..)
            | Self::Voiding(..)
            | Self::Captured(_)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_)) => state,
        }
    }

    fn lost(self) -> Self {
        match self {
            Self::Requested(details, _) => Self::Requested(details, Answer::Lost),
            Self::Abandoned(details, _) => Self::Abandoned(details, Answer::Lost),
            Self::Capturing(hold, _) => Self::Capturing(hold, Answer::Lost),
            Self::Voiding(hold, _) => Self::Voiding(hold, Answer::Lost),
            state @ (Self::Authorized(_)
            | Self::Captured(_)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_)) => state,
        }
    }

    fn capturing(self) -> Self {
        match self {
            Self::Authorized(hold) => Self::Capturing(hold, Answer::Awaited),
            state @ (Self::Requested(..)
            | Self::Abandoned(..)
            | Self::Capturing(..)
            | Self::Voiding(..)
            | Self::Captured(_)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_)) => state,
        }
    }

    fn captured(self) -> Self {
        match self {
            Self::Capturing(hold, _) => Self::Captured(Taken { hold, refunds: BTreeMap::new() }),
            state @ (Self::Requested(..)
            | Self::Abandoned(..)
            | Self::Authorized(_)
            | Self::Voiding(..)
            | Self::Captured(_)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_)) => state,
        }
    }

    fn voiding(self) -> Self {
        match self {
            Self::Requested(details, answer) => Self::Abandoned(details, answer),
            Self::Authorized(hold) => Self::Voiding(hold, Answer::Awaited),
            state @ (Self::Abandoned(..)
            | Self::Capturing(..)
            | Self::Voiding(..)
            | Self::Captured(_)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_)) => state,
        }
    }

    fn voided(self) -> Self {
        match self {
            Self::Voiding(hold, _) => Self::Voided(hold),
            state @ (Self::Requested(..)
            | Self::Abandoned(..)
            | Self::Authorized(_)
            | Self::Capturing(..)
            | Self::Captured(_)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_)) => state,
        }
    }

    fn refund(self, id: &RefundId, amount: Money, outcome: RefundOutcome) -> Self {
        match self {
            Self::Captured(mut taken) => {
                taken.refunds.insert(id.clone(), Refund { amount, outcome });
                Self::Captured(taken)
            }
            state @ (Self::Requested(..)
            | Self::Abandoned(..)
            | Self::Authorized(_)
            | Self::Capturing(..)
            | Self::Voiding(..)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_)) => state,
        }
    }

    fn expired(self) -> Self {
        match self {
            Self::Authorized(hold) | Self::Capturing(hold, _) => Self::Expired(hold),
            state @ (Self::Requested(..)
            | Self::Abandoned(..)
            | Self::Voiding(..)
            | Self::Captured(_)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_)) => state,
        }
    }
}
