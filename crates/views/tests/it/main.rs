//! The views, as the JSON that clients get.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod check;
mod fulfilment;
mod history;
mod order;
mod payment;
mod product;
mod projection;
mod stock;
mod user;
