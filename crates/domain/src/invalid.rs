//! Values that are refused before they become part of a command.

use crate::MAX_AMOUNT;
use crate::order::{Carrier, Quantity, Tracking};
use crate::product::ProductName;
use crate::reason::Reason;
use crate::stock::Pieces;

/// A value that is out of its range. `Display` says the range, in a sentence for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Of an order's line.
    #[error("a quantity is a whole number from 1 to {}", Quantity::MAX)]
    Quantity,
    /// Of stock that came in.
    #[error("a number of pieces is a whole number from 1 to {}", Pieces::MAX)]
    Pieces,
    /// Of a correction of stock.
    #[error("a correction is a whole number of pieces up to {} in either direction, and not 0", Pieces::MAX)]
    Delta,
    /// Of a product.
    #[error("a price is a whole number of minor units from 1 to {MAX_AMOUNT}")]
    Price,
    /// Of a product.
    #[error("a name has 1 to {} characters, none of them a control character", ProductName::MAX_LENGTH)]
    Name,
    /// Of a command.
    #[error("a reason has 1 to {} characters, none of them a control character", Reason::MAX_LENGTH)]
    Reason,
    /// Of a shipment.
    #[error("a carrier has 1 to {} characters, none of them a control character", Carrier::MAX_LENGTH)]
    Carrier,
    /// Of a shipment.
    #[error("a tracking number has 1 to {} characters, none of them a control character", Tracking::MAX_LENGTH)]
    Tracking,
}

impl Invalid {
    /// A stable name for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Quantity => "invalid_quantity",
            Self::Pieces => "invalid_pieces",
            Self::Delta => "invalid_delta",
            Self::Price => "invalid_price",
            Self::Name => "invalid_name",
            Self::Reason => "invalid_reason",
            Self::Carrier => "invalid_carrier",
            Self::Tracking => "invalid_tracking",
        }
    }
}

/// The text without the spaces around it, if it then is one line of 1 to `longest` characters.
pub(crate) fn one_line(text: &str, longest: usize) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}
