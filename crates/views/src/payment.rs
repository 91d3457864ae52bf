//! The payment of an order, as its owner sees it.

use schemas::{
    Currency, Event as _, LastFour, Money, OrderId, PaymentAuthorized, PaymentEvent, PaymentId, PaymentMethod,
    PaymentRequested, PaymentStatus, ProviderId, Recorded, RefundId, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

use crate::view::{Listing, Projection, Unfoldable, View};

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentView {
    /// The payment's id.
    pub payment_id: PaymentId,
    /// The order that is paid.
    pub order_id: OrderId,
    /// Who pays.
    pub user_id: UserId,
    /// How far it is.
    pub status: PaymentStatus,
    /// The order's total, in minor units of `currency`.
    pub amount: i64,
    /// How much of it was taken.
    pub captured_amount: i64,
    /// How much of that was given back.
    pub refunded_amount: i64,
    /// The currency of all amounts.
    pub currency: Currency,
    /// What is paid with, as the provider calls it.
    pub payment_method: PaymentMethod,
    /// The last four digits of the card, as soon as they are known.
    pub last4: Option<LastFour>,
    /// How the provider calls this payment, as soon as that is known.
    pub provider_id: Option<ProviderId>,
    /// The provider's code for why it refused.
    pub decline_reason: Option<String>,
    /// Every refund that was asked for, the oldest first.
    pub refunds: Vec<RefundView>,
    /// The stream's version.
    pub version: u32,
    /// When it was requested.
    #[serde(with = "schemas::rfc3339")]
    pub created_at: Timestamp,
    /// When something happened to it last.
    #[serde(with = "schemas::rfc3339")]
    pub updated_at: Timestamp,
}

/// One refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundView {
    /// Its id.
    pub refund_id: RefundId,
    /// Minor units.
    pub amount: i64,
    /// How far it is.
    pub status: RefundStatus,
}

/// What the provider made of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RefundStatus {
    /// It has not answered yet.
    Requested,
    /// The money was given back.
    Refunded,
    /// It was not.
    Rejected,
}

impl View for PaymentView {
    const PROJECTION: Projection = Projection::Payments;
    type Event = PaymentEvent;

    fn apply(view: Option<Self>, recorded: &Recorded<PaymentEvent>) -> Result<Option<Self>, Unfoldable> {
        let Some(payment) = view else {
            let PaymentEvent::Requested(requested) = &recorded.event else {
                return Err(Unfoldable::Missing { event: recorded.event.name() });
            };
            return Self::requested(recorded, requested).map(Some);
        };
        let payment = Self { version: recorded.version.0, updated_at: recorded.at, ..payment };
        payment.after(&recorded.event).map(Some)
    }

    fn lists(&self) -> Vec<Listing> {
        Vec::new()
    }
}

impl PaymentView {
    fn requested(recorded: &Recorded<PaymentEvent>, requested: &PaymentRequested) -> Result<Self, Unfoldable> {
        let PaymentRequested { order, user, amount: Money { amount, currency }, method } = requested.clone();
        let payment_id = PaymentId::parse(recorded.stream.as_str())
            .map_err(|_| Unfoldable::Stream { event: recorded.event.name(), stream: recorded.stream.clone() })?;
        Ok(Self {
            payment_id,
            order_id: order,
            user_id: user,
            status: PaymentStatus::Requested,
            amount,
            captured_amount: 0,
            refunded_amount: 0,
            currency,
            payment_method: method,
            last4: None,
            provider_id: None,
            decline_reason: None,
            refunds: Vec::new(),
            version: recorded.version.0,
            created_at: recorded.at,
            updated_at: recorded.at,
        })
    }

    /// What is requested of the provider shows only when the provider has done it.
    fn after(self, event: &PaymentEvent) -> Result<Self, Unfoldable> {
        Ok(match event {
            PaymentEvent::Requested(_) => return Err(Unfoldable::Impossible { event: event.name() }),
            PaymentEvent::CaptureRequested(_) | PaymentEvent::VoidRequested(_) => self,
            PaymentEvent::Authorized(PaymentAuthorized { provider_id, last4 }) => Self {
                status: PaymentStatus::Authorized,
                provider_id: Some(provider_id.clone()),
                last4: last4.clone(),
                ..self
            },
            PaymentEvent::Declined(declined) => {
                Self { status: PaymentStatus::Declined, decline_reason: Some(declined.reason.clone()), ..self }
            }
            PaymentEvent::MarkedUnknown(_) => Self { status: PaymentStatus::Unknown, ..self },
            PaymentEvent::Captured(captured) => {
                Self { status: PaymentStatus::Captured, captured_amount: captured.amount.amount, ..self }
            }
            PaymentEvent::Voided(_) => Self { status: PaymentStatus::Voided, ..self },
            PaymentEvent::Expired(_) => Self { status: PaymentStatus::Expired, ..self },
            PaymentEvent::RefundRequested(refund) => {
                self.refund(&refund.refund, refund.amount, RefundStatus::Requested)
            }
            PaymentEvent::RefundRejected(refund) => self.refund(&refund.refund, refund.amount, RefundStatus::Rejected),
            PaymentEvent::Refunded(refund) => {
                let refunded_amount = self.refunded_amount.checked_add(refund.amount.amount);
                let refunded_amount = refunded_amount.ok_or(Unfoldable::Overflow { event: event.name() })?;
                let all = refunded_amount >= self.captured_amount;
                let status = if all { PaymentStatus::Refunded } else { PaymentStatus::PartiallyRefunded };
                let payment = Self { status, refunded_amount, ..self };
                payment.refund(&refund.refund, refund.amount, RefundStatus::Refunded)
            }
        })
    }

    fn refund(mut self, id: &RefundId, amount: Money, status: RefundStatus) -> Self {
        match self.refunds.iter_mut().find(|refund| refund.refund_id == *id) {
            Some(refund) => refund.status = status,
            None => self.refunds.push(RefundView { refund_id: id.clone(), amount: amount.amount, status }),
        }
        self
    }
}
