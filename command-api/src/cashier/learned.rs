//! What the provider's word about a payment amounts to, given what is known already: pure.

use domain::payment::{PaymentCommand, PaymentState};
use payments::{Intent, IntentStatus, Refund, RefundStatus};
use schemas::{LastFour, ProviderId, RefundId};

/// The name of an outcome, unique within a payment, and the command that records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Learned {
    pub(super) name: String,
    pub(super) command: PaymentCommand,
}

impl Learned {
    pub(super) fn new(name: impl Into<String>, command: PaymentCommand) -> Self {
        Self { name: name.into(), command }
    }

    /// The provider refused to set the money aside.
    pub(super) fn declined(reason: &str) -> Self {
        Self::new("declined", PaymentCommand::RecordDecline { reason: reason.to_owned() })
    }

    /// The provider refused to give money back.
    pub(super) fn refund_rejected(refund: &RefundId, reason: &str) -> Self {
        let (name, reason) = (format!("refund-rejected:{refund}"), reason.to_owned());
        Self::new(name, PaymentCommand::RejectRefund { refund: refund.clone(), reason })
    }

    /// What a payment's state at the provider says that is not known yet; nothing while the provider is still at it, or
    /// if it speaks of another payment than ours.
    pub(super) fn of_intent(state: &PaymentState, intent: &Intent) -> Option<Self> {
        if state.hold().is_some_and(|hold| hold.provider_id.as_str() != intent.id) {
            return None;
        }
        match (state, intent.status) {
            (
                PaymentState::Requested(..) | PaymentState::Abandoned(..),
                IntentStatus::RequiresCapture | IntentStatus::Succeeded,
            ) => authorized(intent),
            (PaymentState::Requested(..) | PaymentState::Abandoned(..), IntentStatus::RequiresPaymentMethod) => {
                Some(Self::declined(intent.decline_code().unwrap_or("declined")))
            }
            (PaymentState::Requested(..) | PaymentState::Abandoned(..), IntentStatus::Canceled) => {
                Some(Self::declined("canceled"))
            }
            (PaymentState::Capturing(..), IntentStatus::Succeeded) => {
                Some(Self::new("captured", PaymentCommand::RecordCapture))
            }
            (PaymentState::Voiding(..), IntentStatus::Canceled) => {
                Some(Self::new("voided", PaymentCommand::RecordVoid))
            }
            (PaymentState::Authorized(_) | PaymentState::Capturing(..), IntentStatus::Canceled) => {
                Some(Self::new("expired", PaymentCommand::RecordExpiry))
            }
            (
                PaymentState::Requested(..)
                | PaymentState::Abandoned(..)
                | PaymentState::Authorized(_)
                | PaymentState::Capturing(..)
                | PaymentState::Voiding(..)
                | PaymentState::Captured(_)
                | PaymentState::Declined(_)
                | PaymentState::Voided(_)
                | PaymentState::Expired(_),
                _nothing_new,
            ) => None,
        }
    }

    /// What a refund's state at the provider says. One that the bank has counts as given: it cannot be called off.
    pub(super) fn of_refund(id: &RefundId, refund: &Refund) -> Self {
        match refund.status {
            RefundStatus::Succeeded | RefundStatus::Pending | RefundStatus::Other => {
                let command = PaymentCommand::RecordRefund { refund: id.clone() };
                Self::new(format!("refunded:{id}"), command)
            }
            RefundStatus::Failed | RefundStatus::Canceled => {
                Self::refund_rejected(id, refund.failure_reason.as_deref().unwrap_or("failed"))
            }
        }
    }
}

fn authorized(intent: &Intent) -> Option<Learned> {
    let provider_id = ProviderId::parse(&intent.id).ok()?;
    let last4 = intent.last4().and_then(|last4| LastFour::parse(last4).ok());
    Some(Learned::new("authorized", PaymentCommand::RecordAuthorization { provider_id, last4 }))
}

#[cfg(test)]
mod tests;
