//! Accounts in a real MongoDB.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changes;
mod credentials;
mod log_in;
mod outage;
mod refresh;
mod register;
mod world;
