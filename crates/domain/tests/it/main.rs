//! The rules, as data: what happened before, what is asked, what comes of it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod check;
mod fulfilment;
mod order;
mod payment;
mod place;
mod product;
mod properties;
mod stock;
mod user;
mod values;
