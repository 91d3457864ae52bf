//! What the sandbox writes down: each request that had an effect, with its answer, one line each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Charge {
    /// The provider's id.
    pub(super) id: String,
    /// The caller's id.
    pub(super) payment: String,
    /// Minor units asked for.
    pub(super) amount: i64,
    /// ISO 4217, in lower case.
    pub(super) currency: String,
    /// What is paid with.
    pub(super) method: String,
    /// `requires_capture`, `succeeded`, `canceled`, `requires_payment_method`.
    pub(super) status: String,
    /// The last four digits of the card that was charged.
    pub(super) last4: Option<String>,
    /// Why the bank refused.
    pub(super) decline_code: Option<String>,
    /// Minor units that were taken.
    pub(super) captured: i64,
    /// Minor units of that which were given back.
    pub(super) refunded: i64,
}

/// Money that was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refund {
    /// The provider's id.
    pub(super) id: String,
    /// The payment's id at the provider.
    pub(super) intent: String,
    /// The caller's id of the payment.
    pub(super) payment: String,
    /// The caller's id of the refund.
    pub(super) refund: String,
    /// Minor units.
    pub(super) amount: i64,
}

/// A request that was answered under an idempotency key, and what it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The idempotency key.
    pub(super) key: String,
    /// The request: path and form.
    pub(super) request: String,
    /// The status of the answer.
    pub(super) status: u16,
    /// The answer.
    pub(super) answer: Value,
    /// The payment after it.
    pub(super) charge: Option<Charge>,
    /// The refund that it made.
    pub(super) refund: Option<Refund>,
}

impl Charge {
    /// As the API shows it.
    pub(super) fn to_json(&self) -> Value {
        let capturable = if self.status == "requires_capture" { self.amount } else { 0 };
        let charge = self.last4.as_ref().map(|last4| {
            let details = json!({"type": "card", "card": {"last4": last4}});
            json!({"id": self.id.replacen("pi_", "ch_", 1), "object": "charge", "payment_method_details": details})
        });
        let error = self.decline_code.as_ref().map(|code| declined(code));
        json!({
            "id": self.id, "object": "payment_intent", "amount": self.amount, "amount_capturable": capturable,
            "amount_received": self.captured, "currency": self.currency, "capture_method": "manual",
            "payment_method": self.method, "status": self.status, "livemode": false, "latest_charge": charge,
            "last_payment_error": error, "metadata": {"payment": self.payment},
        })
    }
}

impl Refund {
    /// As the API shows it.
    pub(super) fn to_json(&self, currency: &str) -> Value {
        json!({
            "id": self.id, "object": "refund", "amount": self.amount, "currency": currency,
            "payment_intent": self.intent, "status": "succeeded",
            "metadata": {"payment": self.payment, "refund": self.refund},
        })
    }
}

/// What the bank's refusal looks like.
pub(super) fn declined(decline_code: &str) -> Value {
    json!({
        "type": "card_error", "code": "card_declined", "decline_code": decline_code,
        "message": "Your card was declined.",
    })
}

/// The fields of a form; of several with one name, the last.
pub(super) type Form = BTreeMap<String, String>;

/// A field of the form, or nothing.
pub(super) fn field(form: &Form, name: &str) -> String {
    form.get(name).cloned().unwrap_or_default()
}
