//! The payment's events, what its states are called, and what is known of the card. They carry no card number: only
//! the provider's id of the payment and the card's last four digits.

use std::fmt;
use std::sync::Arc;

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::ids::is_token;
use crate::text::text_form;
use crate::{InvalidId, Money, OrderId, RefundId, UserId};

events! {
    /// What can happen to the payment of an order. What is requested is a decision of ours; the rest is what the
    /// provider made of it.
    PaymentEvent of Payment {
        /// The provider is to set the order's total aside.
        Requested(PaymentRequested),
        /// It did.
        Authorized(PaymentAuthorized),
        /// It refused.
        Declined(PaymentDeclined),
        /// Its answer was lost, and it is being asked what it did.
        MarkedUnknown(PaymentMarkedUnknown),
        /// The provider is to take what was set aside.
        CaptureRequested(PaymentCaptureRequested),
        /// It did.
        Captured(PaymentCaptured),
        /// The provider is to let go of what was, or will be, set aside.
        VoidRequested(PaymentVoidRequested),
        /// It did.
        Voided(PaymentVoided),
        /// The provider is to give some of the money back.
        RefundRequested(PaymentRefundRequested),
        /// It did.
        Refunded(PaymentRefunded),
        /// It refused.
        RefundRejected(PaymentRefundRejected),
        /// The provider let go of what was set aside, by itself.
        Expired(PaymentExpired),
    }
}

/// The provider is to set an order's total aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.payment")]
pub struct PaymentRequested {
    /// The order that is paid.
    pub order: OrderId,
    /// Who pays.
    pub user: UserId,
    /// The order's total.
    pub amount: Money,
    /// What is paid with.
    pub method: PaymentMethod,
}

/// The provider set the money aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.payment")]
pub struct PaymentAuthorized {
    /// How the provider calls this payment.
    pub provider_id: ProviderId,
    /// The last four digits of the card, if it was one.
    pub last4: Option<LastFour>,
}

/// The provider refused to set the money aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.payment")]
pub struct PaymentDeclined {
    /// The provider's code for why: `card_declined`.
    pub reason: String,
}

/// The provider's answer to what was requested last was lost: it may or may not have been done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.payment")]
pub struct PaymentMarkedUnknown {
    /// How the answer was lost.
    pub reason: String,
}

/// The provider is to take what was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.payment")]
pub struct PaymentCaptureRequested {
    /// All that was set aside.
    pub amount: Money,
}

/// The provider took what was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.payment")]
pub struct PaymentCaptured {
    /// How much was taken.
    pub amount: Money,
}

/// The provider is to let go of what was, or will be, set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.payment")]
pub struct PaymentVoidRequested {
    /// How much is not wanted any more.
    pub amount: Money,
}

/// The provider let go of what was set aside, as requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.payment")]
pub struct PaymentVoided {
    /// How much was let go.
    pub amount: Money,
}

/// The provider is to give some of the money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.payment")]
pub struct PaymentRefundRequested {
    /// Which refund of this payment.
    pub refund: RefundId,
    /// How much.
    pub amount: Money,
}

/// The provider gave some of the money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.payment")]
pub struct PaymentRefunded {
    /// Which refund of this payment.
    pub refund: RefundId,
    /// How much.
    pub amount: Money,
}

/// The provider refused to give the money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.payment")]
pub struct PaymentRefundRejected {
    /// Which refund of this payment.
    pub refund: RefundId,
    /// How much was asked for.
    pub amount: Money,
    /// The provider's code for why: `charge_disputed`.
    pub reason: String,
}

/// The provider let go of what was set aside, by itself: nobody took it in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.payment")]
pub struct PaymentExpired {
    /// How much was let go.
    pub amount: Money,
}

/// What is paid with, as the provider calls it: `pm_` and 1 to 61 of `[A-Za-z0-9_-]`. A token, never a card's number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaymentMethod(Arc<str>);

impl PaymentMethod {
    /// Reads a payment method.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let valid = text.len() <= 64 && text.strip_prefix("pm_").is_some_and(is_token);
        valid.then(|| Self(text.into())).ok_or(InvalidId { expected: "payment method" })
    }

    /// What an order is paid with that names nothing: the provider's test card.
    #[must_use]
    pub fn unnamed() -> Self {
        Self("pm_card_visa".into())
    }

    /// The payment method as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
text_form!(PaymentMethod, "payment method");

/// How the provider calls one payment: 1 to 255 of `[A-Za-z0-9_-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderId(Arc<str>);

impl ProviderId {
    /// Reads a provider's id.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let valid = text.len() <= 255 && is_token(text);
        valid.then(|| Self(text.into())).ok_or(InvalidId { expected: "provider's id" })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
text_form!(ProviderId, "provider's id");

/// The last four digits of a card: all that is ever known of its number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LastFour(Arc<str>);

impl LastFour {
    /// Reads four digits.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let valid = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        valid.then(|| Self(text.into())).ok_or(InvalidId { expected: "four digits" })
    }

    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
text_form!(LastFour, "four digits");

/// What a payment's state is called in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    /// The provider has not answered yet.
    Requested,
    /// The money is set aside.
    Authorized,
    /// The money was taken.
    Captured,
    /// Some of it was given back.
    PartiallyRefunded,
    /// All of it was given back.
    Refunded,
    /// The provider refused.
    Declined,
    /// What was set aside was let go, as requested.
    Voided,
    /// What was set aside was let go by the provider itself.
    Expired,
    /// The provider's answer was lost, and it is being asked.
    Unknown,
}

impl PaymentStatus {
    /// The status as text: `PARTIALLY_REFUNDED`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::Authorized => "AUTHORIZED",
            Self::Captured => "CAPTURED",
            Self::PartiallyRefunded => "PARTIALLY_REFUNDED",
            Self::Refunded => "REFUNDED",
            Self::Declined => "DECLINED",
            Self::Voided => "VOIDED",
            Self::Expired => "EXPIRED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl fmt::Display for PaymentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
