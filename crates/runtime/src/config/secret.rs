//! A value that must not be shown.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// Values that appear in examples everywhere.
const KNOWN: &[&str] = &[
    "admin",
    "changeit",
    "changeme",
    "change-me",
    "default",
    "dev",
    "example",
    "jwt_secret",
    "letmein",
    "orderflow",
    "password",
    "secret",
    "supersecret",
    "test",
    "your-secret-key",
    "your_jwt_secret_key",
];
const SHORTEST: usize = 8;

/// A setting that must not be shown: `Debug` hides it, errors do not quote it, `describe` marks it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// The value itself. Never log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether anyone would guess it: a word from examples, or shorter than eight bytes.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.0.len() < SHORTEST || KNOWN.iter().any(|known| known.eq_ignore_ascii_case(&self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}
