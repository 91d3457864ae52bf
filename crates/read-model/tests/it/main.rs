//! The read model on a real Redis.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod feeds;
mod rights;
mod views;
