//! What each command brings about: one event at most.

use schemas::{
    LastFour, Money, PaymentAuthorized, PaymentCaptureRequested, PaymentCaptured, PaymentDeclined, PaymentEvent,
    PaymentExpired, PaymentMarkedUnknown, PaymentRefundRejected, PaymentRefundRequested, PaymentRefunded,
    PaymentRequested, PaymentVoidRequested, PaymentVoided, ProviderId, RefundId,
};

use super::{Answer, Hold, PaymentCommand, PaymentDetails, PaymentState, Refund, RefundOutcome, Taken};
use crate::Refusal;

/// The event; none if its effect is there already.
type Decision = Result<Option<PaymentEvent>, Refusal>;

pub(super) fn decide(state: Option<&PaymentState>, command: &PaymentCommand) -> Decision {
    match (state, command) {
        (state, PaymentCommand::Request { order, user, amount, method }) => {
            let (order, user, method) = (order.clone(), user.clone(), method.clone());
            request(state, PaymentRequested { order, user, amount: *amount, method })
        }
        (
            None,
            PaymentCommand::RecordAuthorization { .. }
            | PaymentCommand::RecordDecline { .. }
            | PaymentCommand::MarkUnknown { .. }
            | PaymentCommand::RequestCapture
            | PaymentCommand::RecordCapture
            | PaymentCommand::RequestVoid
            | PaymentCommand::RecordVoid
            | PaymentCommand::RequestRefund { .. }
            | PaymentCommand::RecordRefund { .. }
            | PaymentCommand::RejectRefund { .. }
            | PaymentCommand::RecordExpiry,
        ) => Err(Refusal::PaymentNotFound),
        (Some(state), PaymentCommand::RecordAuthorization { provider_id, last4 }) => {
            state.record_authorization(provider_id, last4.as_ref())
        }
        (Some(state), PaymentCommand::RecordDecline { reason }) => state.record_decline(reason),
        (Some(state), PaymentCommand::MarkUnknown { reason }) => Ok(state.mark_unknown(reason)),
        (Some(state), PaymentCommand::RequestCapture) => state.request_capture(),
        (Some(state), PaymentCommand::RecordCapture) => state.record_capture(),
        (Some(state), PaymentCommand::RequestVoid) => state.request_void(),
        (Some(state), PaymentCommand::RecordVoid) => state.record_void(),
        (Some(state), PaymentCommand::RequestRefund { refund, amount }) => {
            state.taken()?.request_refund(refund, *amount)
        }
        (Some(state), PaymentCommand::RecordRefund { refund }) => state.taken()?.record_refund(state, refund),
        (Some(state), PaymentCommand::RejectRefund { refund, reason }) => {
            state.taken()?.reject_refund(state, refund, reason)
        }
        (Some(state), PaymentCommand::RecordExpiry) => state.record_expiry(),
    }
}

fn request(state: Option<&PaymentState>, requested: PaymentRequested) -> Decision {
    match state {
        Some(state) if *state.details() == PaymentDetails::from(&requested) => Ok(None),
        Some(_) => Err(Refusal::PaymentExists),
        None if requested.amount.amount < 1 => Err(Refusal::NothingToPay),
        None => Ok(Some(PaymentEvent::Requested(requested))),
    }
}

impl PaymentState {
    const fn amount(&self) -> Money {
        self.details().amount
    }

    /// The provider reports what this state cannot have come to.
    fn unexpected(&self) -> Refusal {
        Refusal::UnexpectedOutcome { status: self.status() }
    }

    fn record_authorization(&self, provider_id: &ProviderId, last4: Option<&LastFour>) -> Decision {
        match self {
            Self::Requested(..) | Self::Abandoned(..) => {
                let (provider_id, last4) = (provider_id.clone(), last4.cloned());
                Ok(Some(PaymentEvent::Authorized(PaymentAuthorized { provider_id, last4 })))
            }
            Self::Authorized(hold)
            | Self::Capturing(hold, _)
            | Self::Voiding(hold, _)
            | Self::Captured(Taken { hold, .. })
            | Self::Voided(hold)
            | Self::Expired(hold)
                if hold.provider_id == *provider_id =>
            {
                Ok(None)
            }
            Self::Authorized(_)
            | Self::Capturing(..)
            | Self::Voiding(..)
            | Self::Captured(_)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_) => Err(self.unexpected()),
        }
    }

    fn record_decline(&self, reason: &str) -> Decision {
        match self {
            Self::Requested(..) | Self::Abandoned(..) => {
                Ok(Some(PaymentEvent::Declined(PaymentDeclined { reason: reason.to_owned() })))
            }
            Self::Declined(_) => Ok(None),
            Self::Authorized(_)
            | Self::Capturing(..)
            | Self::Voiding(..)
            | Self::Captured(_)
            | Self::Voided(_)
            | Self::Expired(_) => Err(self.unexpected()),
        }
    }

    /// An answer that is known by now was not lost.
    fn mark_unknown(&self, reason: &str) -> Option<PaymentEvent> {
        match self {
            Self::Requested(_, Answer::Awaited)
            | Self::Abandoned(_, Answer::Awaited)
            | Self::Capturing(_, Answer::Awaited)
            | Self::Voiding(_, Answer::Awaited) => {
                Some(PaymentEvent::MarkedUnknown(PaymentMarkedUnknown { reason: reason.to_owned() }))
            }
            Self::Requested(_, Answer::Lost)
            | Self::Abandoned(_, Answer::Lost)
            | Self::Capturing(_, Answer::Lost)
            | Self::Voiding(_, Answer::Lost)
            | Self::Authorized(_)
            | Self::Captured(_)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_) => None,
        }
    }

    fn request_capture(&self) -> Decision {
        match self {
            Self::Authorized(_) => {
                Ok(Some(PaymentEvent::CaptureRequested(PaymentCaptureRequested { amount: self.amount() })))
            }
            Self::Capturing(..) | Self::Captured(_) => Ok(None),
            Self::Requested(..)
            | Self::Abandoned(..)
            | Self::Voiding(..)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_) => Err(Refusal::PaymentNotCapturable { status: self.status() }),
        }
    }

    fn record_capture(&self) -> Decision {
        match self {
            Self::Capturing(..) => Ok(Some(PaymentEvent::Captured(PaymentCaptured { amount: self.amount() }))),
            Self::Captured(_) => Ok(None),
            Self::Requested(..)
            | Self::Abandoned(..)
            | Self::Authorized(_)
            | Self::Voiding(..)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_) => Err(self.unexpected()),
        }
    }

    /// Where no money is set aside, and none will be, there is nothing left to do.
    fn request_void(&self) -> Decision {
        match self {
            Self::Requested(..) | Self::Authorized(_) => {
                Ok(Some(PaymentEvent::VoidRequested(PaymentVoidRequested { amount: self.amount() })))
            }
            Self::Abandoned(..) | Self::Voiding(..) | Self::Declined(_) | Self::Voided(_) | Self::Expired(_) => {
                Ok(None)
            }
            Self::Capturing(..) | Self::Captured(_) => Err(Refusal::PaymentNotVoidable { status: self.status() }),
        }
    }

    fn record_void(&self) -> Decision {
        match self {
            Self::Voiding(..) => Ok(Some(PaymentEvent::Voided(PaymentVoided { amount: self.amount() }))),
            Self::Voided(_) => Ok(None),
            Self::Requested(..)
            | Self::Abandoned(..)
            | Self::Authorized(_)
            | Self::Capturing(..)
            | Self::Captured(_)
            | Self::Declined(_)
            | Self::Expired(_) => Err(self.unexpected()),
        }
    }

    fn record_expiry(&self) -> Decision {
        match self {
            Self::Authorized(_) | Self::Capturing(..) => {
                Ok(Some(PaymentEvent::Expired(PaymentExpired { amount: self.amount() })))
            }
            Self::Expired(_) => Ok(None),
            Self::Requested(..)
            | Self::Abandoned(..)
            | Self::Voiding(..)
            | Self::Captured(_)
            | Self::Declined(_)
            | Self::Voided(_) => Err(self.unexpected()),
        }
    }

    /// Only what was taken can be given back.
    fn taken(&self) -> Result<&Taken, Refusal> {
        match self {
            Self::Captured(taken) => Ok(taken),
            Self::Requested(..)
            | Self::Abandoned(..)
            | Self::Authorized(_)
            | Self::Capturing(..)
            | Self::Voiding(..)
            | Self::Declined(_)
            | Self::Voided(_)
            | Self::Expired(_) => Err(Refusal::PaymentNotRefundable { status: self.status() }),
        }
    }
}

impl Taken {
    fn request_refund(&self, id: &RefundId, asked: Option<i64>) -> Decision {
        if let Some(Refund { amount, .. }) = self.refunds.get(id) {
            let same = asked.is_none_or(|asked| asked == amount.amount);
            return if same { Ok(None) } else { Err(Refusal::RefundIdReused) };
        }
        let Hold { details, .. } = &self.hold;
        let left = Money { amount: self.left(), ..details.amount };
        let amount = asked.map_or(left, |amount| Money { amount, ..left });
        match amount.amount {
            ..=0 => Err(Refusal::NothingToRefund),
            more if more > left.amount => Err(Refusal::RefundTooLarge { left }),
            _ => Ok(Some(PaymentEvent::RefundRequested(PaymentRefundRequested { refund: id.clone(), amount }))),
        }
    }

    fn record_refund(&self, state: &PaymentState, id: &RefundId) -> Decision {
        let Refund { amount, outcome } = *self.refunds.get(id).ok_or(Refusal::RefundNotFound)?;
        match outcome {
            RefundOutcome::Awaited => Ok(Some(PaymentEvent::Refunded(PaymentRefunded { refund: id.clone(), amount }))),
            RefundOutcome::Given => Ok(None),
            RefundOutcome::Refused => Err(state.unexpected()),
        }
    }

    fn reject_refund(&self, state: &PaymentState, id: &RefundId, reason: &str) -> Decision {
        let Refund { amount, outcome } = *self.refunds.get(id).ok_or(Refusal::RefundNotFound)?;
        match outcome {
            RefundOutcome::Awaited => {
                let (refund, reason) = (id.clone(), reason.to_owned());
                Ok(Some(PaymentEvent::RefundRejected(PaymentRefundRejected { refund, amount, reason })))
            }
            RefundOutcome::Refused => Ok(None),
            RefundOutcome::Given => Err(state.unexpected()),
        }
    }
}
