//! What is known of a parcel.

use crate::Invalid;
use crate::invalid::one_line;

/// Who carries a parcel: one line of 1 to 100 characters, without spaces around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carrier(String);

impl Carrier {
    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 100;

    /// Reads a carrier's name; spaces around it are dropped.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line(text, Self::MAX_LENGTH).map(Self).ok_or(Invalid::Carrier)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Under which number the carrier knows a parcel: one line of 1 to 100 characters, without spaces around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking(String);

impl Tracking {
    /// The longest number, in characters.
    pub const MAX_LENGTH: usize = 100;

    /// Reads a tracking number; spaces around it are dropped.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line(text, Self::MAX_LENGTH).map(Self).ok_or(Invalid::Tracking)
    }

    /// The number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
