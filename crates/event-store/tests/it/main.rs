//! The event store against a real MongoDB.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod append;
mod deadlines;
mod doorbell;
mod given;
mod outage;
mod outbox;
mod presence;
mod read;
mod republish;
mod transaction;
