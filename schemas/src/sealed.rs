//! Personal data in the form in which events carry it: sealed under a key of the user's own, which only the vault has.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::text::text_form;

/// What is shown instead of personal data whose key was destroyed.
pub const ERASED: &str = "[erased]";

/// What a sealed value is. It takes part in the sealing, so that one field's value cannot be passed off as another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PersonalField {
    /// An e-mail address.
    Email,
    /// A first name.
    FirstName,
    /// A last name.
    LastName,
    /// What was said about a user when he or she was suspended or reinstated.
    Reason,
}

impl PersonalField {
    /// Every field.
    pub const ALL: [Self; 4] = [Self::Email, Self::FirstName, Self::LastName, Self::Reason];

    /// Its name, which must never change: values are sealed together with it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::FirstName => "firstName",
            Self::LastName => "lastName",
            Self::Reason => "reason",
        }
    }
}

/// The text is not a sealed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a sealed value")]
pub struct InvalidSealed;

/// A sealed value: 1 to 4,096 characters of URL-safe base64 without padding. What is in it only the vault can tell.
///
/// In memory, and nowhere else, it may carry its clear text beside it, once the vault has opened it: that is neither
/// written, nor shown, nor compared.
#[derive(Clone)]
pub struct Sealed {
    text: Arc<str>,
    clear: Option<Arc<str>>,
}

impl Sealed {
    const MAX_LENGTH: usize = 4096;

    /// Reads a sealed value; whether it can be opened is not known by that.
    pub fn parse(text: &str) -> Result<Self, InvalidSealed> {
        let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let valid = !text.is_empty() && text.len() <= Self::MAX_LENGTH && text.bytes().all(alphabet);
        valid.then(|| Self { text: text.into(), clear: None }).ok_or(InvalidSealed)
    }

    /// The sealed text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same, with its clear text beside it. For the vault, and for tests.
    #[must_use]
    pub fn opened(self, clear: &str) -> Self {
        Self { clear: Some(clear.into()), ..self }
    }

    /// The clear text, if the vault has opened this; [`ERASED`] if its key was destroyed. Never log it.
    #[must_use]
    pub fn clear(&self) -> Option<&str> {
        self.clear.as_deref()
    }
}
text_form!(Sealed, "sealed value");

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

impl PartialEq for Sealed {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Sealed {}

impl Hash for Sealed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_clear_text_is_neither_written_nor_shown_nor_compared() {
        let sealed = Sealed::parse("AQID").unwrap();
        let opened = sealed.clone().opened("Ada");
        assert_eq!((opened.clear(), sealed.clear()), (Some("Ada"), None));
        assert_eq!(opened, sealed);
        let everything = format!("{opened:?} {opened} {}", serde_json::to_string(&opened).unwrap());
        assert_eq!(everything, "Sealed(..) AQID \"AQID\"");
        assert_eq!(bson::serialize_to_bson(&opened).unwrap(), bson::Bson::String("AQID".to_owned()));
    }

    #[test]
    fn what_the_vault_would_not_write_is_no_sealed_value() {
        let long = "A".repeat(4097);
        for wrong in ["", "AQ==", "a b", "ada@example.com", "é", long.as_str()] {
            assert_eq!(Sealed::parse(wrong), Err(InvalidSealed), "{wrong}");
        }
    }
}
