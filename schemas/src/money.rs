//! Money: whole minor units of one currency. Never a float; arithmetic is checked.

use std::fmt;

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::text::text_form;

/// An amount of minor units (cents, pence, …) of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow")]
pub struct Money {
    /// Minor units of `currency`.
    pub amount: i64,
    /// The ISO 4217 code.
    pub currency: Currency,
}

impl Money {
    /// The sum, if both are of one currency and it fits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let same = self.currency == other.currency;
        let amount = self.amount.checked_add(other.amount)?;
        same.then_some(Self { amount, ..self })
    }

    /// This amount `count` times, if it fits.
    #[must_use]
    pub fn checked_mul(self, count: i64) -> Option<Self> {
        Some(Self { amount: self.amount.checked_mul(count)?, ..self })
    }
}

/// An ISO 4217 currency code: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// The text is not three upper-case letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 4217 currency code: three upper-case letters are expected")]
pub struct InvalidCurrency;

impl Currency {
    /// Reads a code such as `EUR`.
    pub fn parse(text: &str) -> Result<Self, InvalidCurrency> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self(code)).ok_or(InvalidCurrency)
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({self})")
    }
}
text_form!(Currency, "ISO 4217 currency code");
