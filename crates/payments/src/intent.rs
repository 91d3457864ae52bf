//! What the provider says of a payment and of a refund. Fields that we do not use are not read.

use serde::Deserialize;
use serde_json::Value;

/// A payment, as the provider sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Intent {
    /// The provider's id.
    pub id: String,
    /// How far it is.
    pub status: IntentStatus,
    #[serde(default)]
    metadata: Metadata,
    /// Only its id, where it was not asked to be expanded.
    #[serde(default)]
    latest_charge: Value,
    last_payment_error: Option<PaymentError>,
}

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// The money is set aside.
    RequiresCapture,
    /// The money was taken.
    Succeeded,
    /// What was set aside was let go.
    Canceled,
    /// The payment method was refused.
    RequiresPaymentMethod,
    /// The provider, or somebody else, is still at it.
    #[serde(other)]
    Pending,
}

/// A refund, as the provider sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refund {
    /// The provider's id.
    pub id: String,
    /// How far it is.
    pub status: RefundStatus,
    /// The provider's code for why it failed.
    pub failure_reason: Option<String>,
    #[serde(default)]
    metadata: Metadata,
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// The money was given back.
    Succeeded,
    /// The bank of the card has it now.
    Pending,
    /// It came back.
    Failed,
    /// It was called off.
    Canceled,
    /// Something else is the matter.
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Metadata {
    payment: Option<String>,
    refund: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct PaymentError {
    code: Option<String>,
    decline_code: Option<String>,
}

impl Intent {
    /// Our id of this payment, as we gave it along.
    #[must_use]
    pub fn payment(&self) -> Option<&str> {
        self.metadata.payment.as_deref()
    }

    /// The last four digits of the card, if it was one and the provider told.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        self.latest_charge.pointer("/payment_method_details/card/last4")?.as_str()
    }

    /// The provider's code for why the payment method was refused.
    #[must_use]
    pub fn decline_code(&self) -> Option<&str> {
        let error = self.last_payment_error.as_ref()?;
        error.decline_code.as_deref().or(error.code.as_deref())
    }
}

impl Refund {
    /// Our ids of the payment and of this refund, as we gave them along.
    #[must_use]
    pub fn ours(&self) -> Option<(&str, &str)> {
        self.metadata.payment.as_deref().zip(self.metadata.refund.as_deref())
    }
}
