//! The reason that a person gives for a command.

use crate::Invalid;
use crate::invalid::one_line;

/// Why, in the words of whoever gave the command: one line, without spaces around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The longest reason, in characters.
    pub const MAX_LENGTH: usize = 500;

    /// Reads a reason; spaces around it are dropped.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line(text, Self::MAX_LENGTH).map(Self).ok_or(Invalid::Reason)
    }

    /// The reason as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
