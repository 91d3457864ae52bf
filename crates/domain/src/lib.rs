//! Decisions: what may happen to users, products, stock, orders and payments. Pure and synchronous: no clock, no randomness,
//! no I/O; the same state and command always give the same events or the same refusal.

mod actor;
mod aggregate;
mod invalid;
mod reason;
mod refusal;

pub mod fulfilment;
pub mod order;
pub mod payment;
pub mod product;
pub mod stock;
pub mod user;

pub use actor::Actor;
pub use aggregate::{Aggregate, fold};
pub use invalid::Invalid;
pub use reason::Reason;
pub use refusal::{Refusal, RefusalKind};

/// The largest amount of money or pieces, 2^53 - 1: the largest whole number that every JSON client reads exactly.
pub const MAX_AMOUNT: i64 = (1 << 53) - 1;
