//! An account and its parts, each checked once.

use std::fmt;

use runtime::Secret;
use schemas::{Timestamp, UserId};

/// What is known of a user besides his or her events. Names and address are not: they lie sealed in the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub id: UserId,
    /// When the user registered.
    pub created_at: Timestamp,
    /// When the account was changed last.
    pub updated_at: Timestamp,
    /// Until when the password is good, if it is one that an admin gave for one time.
    pub one_time_until: Option<Timestamp>,
}

/// A value that is not of its kind. `Display` says what is expected, in a sentence for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not an e-mail address.
    #[error("an e-mail address looks like name@example.com and has at most {} characters", Email::MAX_LENGTH)]
    Email,
    /// Not a name.
    #[error("a name has 1 to {} characters, none of them a control character", Name::MAX_LENGTH)]
    Name,
    /// Not a password that we accept.
    #[error("a password has {} to {} characters", Password::MIN_LENGTH, Password::MAX_LENGTH)]
    Password,
}

impl Invalid {
    /// A stable name for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Email => "invalid_email",
            Self::Name => "invalid_name",
            Self::Password => "invalid_password",
        }
    }
}

/// An e-mail address, trimmed and in lower case. Its form is checked, not its existence.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The longest address, in bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
    pub const MAX_LENGTH: usize = 254;

    /// Reads an address: one `@` with something before it and a dotted host behind it, no spaces.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().to_lowercase();
        let (local, host) = text.split_once('@').ok_or(Invalid::Email)?;
        let plain = |part: &str| !part.chars().any(|c| c.is_whitespace() || c.is_control() || c == '@');
        let labels = host.split('.').count() >= 2 && host.split('.').all(|label| !label.is_empty());
        let valid = text.len() <= Self::MAX_LENGTH && !local.is_empty() && labels && plain(local) && plain(host);
        valid.then_some(Self(text)).ok_or(Invalid::Email)
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Personal data stays out of logs.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

/// A person's first or last name: one line of 1 to 100 characters, without spaces around it.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 100;

    /// Reads a name; spaces around it are dropped.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let fits = !text.is_empty() && text.chars().count() <= Self::MAX_LENGTH && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned())).ok_or(Invalid::Name)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(..)")
    }
}

/// A new password: 12 to 128 characters, whatever they are.
#[derive(Debug, Clone)]
pub struct Password(Secret);

impl Password {
    /// The shortest password, in characters.
    pub const MIN_LENGTH: usize = 12;
    /// The longest password, in characters.
    pub const MAX_LENGTH: usize = 128;

    /// Checks a password's length; it is taken as it is.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let fits = (Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&text.chars().count());
        fits.then(|| Self(Secret::from(text.to_owned()))).ok_or(Invalid::Password)
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_trimmed_and_lower_cased() {
        assert_eq!(
            Email::parse(" Ada@Example.COM ").map(|email| email.as_str().to_owned()),
            Ok("ada@example.com".into())
        );
    }

    #[test]
    fn what_is_no_email_is_refused() {
        for bad in
            ["", "ada", "@example.com", "ada@", "ada@localhost", "a b@example.com", "a@b@example.com", "a@b..com"]
        {
            assert_eq!(Email::parse(bad), Err(Invalid::Email), "{bad}");
        }
        assert!(Email::parse(&format!("{}@example.com", "a".repeat(300))).is_err());
    }

    #[test]
    fn a_password_has_12_to_128_characters() {
        for (length, accepted) in [(11, false), (12, true), (128, true), (129, false)] {
            assert_eq!(Password::parse(&"é".repeat(length)).is_ok(), accepted, "{length}");
        }
    }

    #[test]
    fn personal_data_does_not_show_in_debug_output() {
        let shown = format!("{:?} {:?}", Email::parse("ada@example.com"), Name::parse("Lovelace"));
        assert!(!shown.contains("ada") && !shown.contains("Lovelace"), "{shown}");
    }
}
