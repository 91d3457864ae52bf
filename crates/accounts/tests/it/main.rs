//! Accounts in a real MongoDB.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changes;
mod log_in;
mod outage;
mod register;
mod world;
