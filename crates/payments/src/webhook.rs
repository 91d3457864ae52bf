//! What the provider tells us by itself, and the proof that it was the provider: the header `Stripe-Signature` is
//! `t=<seconds>,v1=<hex>`, where `v1` is the HMAC-SHA256 of `<seconds>.<body>` under a secret that both know. There may
//! be several `v1`, while the secret is being replaced.

use aws_lc_rs::hmac;
use serde::Deserialize;
use serde_json::Value;

use crate::{Intent, Refund};

/// A signature older than this, or younger than now, is refused: an eavesdropper must not be able to use it later.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Why a message is not taken for the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// The header is not one.
    #[error("the signature's header cannot be read")]
    Unreadable,
    /// It was signed too long ago, or is to be signed yet.
    #[error("the signature is not of this time")]
    Stale,
    /// Nobody who knows the secret signed this body.
    #[error("the signature does not fit the message")]
    Wrong,
}

/// Checks a signature, in a time that tells nothing about the right one.
pub fn verify(secret: &str, header: &str, body: &[u8], now_seconds: i64) -> Result<(), Forged> {
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let time = fields().find(|(name, _)| *name == "t").map(|(_, time)| time).ok_or(Forged::Unreadable)?;
    let signed_at: i64 = time.parse().map_err(|_| Forged::Unreadable)?;
    let key = key(secret);
    let signed = message(time, body);
    let is_right = |hex: &str| hex::decode(hex).is_ok_and(|tag| hmac::verify(&key, &signed, &tag).is_ok());
    if !fields().any(|(name, hex)| name == "v1" && is_right(hex)) {
        return Err(Forged::Wrong);
    }
    let age = now_seconds.saturating_sub(signed_at).saturating_abs();
    if age > TOLERANCE_SECONDS { Err(Forged::Stale) } else { Ok(()) }
}

/// The header for this body, as the provider makes it.
#[must_use]
pub fn sign(secret: &str, body: &[u8], now_seconds: i64) -> String {
    let time = now_seconds.to_string();
    let tag = hmac::sign(&key(secret), &message(&time, body));
    format!("t={time},v1={}", hex::encode(tag))
}

fn key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

fn message(time: &str, body: &[u8]) -> Vec<u8> {
    [time.as_bytes(), b".", body].concat()
}

/// What the provider tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Something happened to a payment.
    Intent(Intent),
    /// Something happened to a refund.
    Refund(Refund),
    /// Something else, which does not concern us.
    Other,
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Value,
}

impl Notice {
    /// Reads the body of a webhook whose signature was checked.
    pub fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        let Event { r#type: kind, data: Data { object } } = serde_json::from_slice(body)?;
        match kind.split_once('.') {
            Some(("payment_intent", _)) => serde_json::from_value(object).map(Self::Intent),
            Some(("refund", _)) => serde_json::from_value(object).map(Self::Refund),
            Some(_) | None => Ok(Self::Other),
        }
    }
}
