//! The command API's routes over a real MongoDB; nothing is relayed, so what is committed stays marked.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod caller;
mod headers;
mod nonsense;
mod order;
mod outage;
mod payment;
mod product;
mod stage;
mod stock;
mod user;
