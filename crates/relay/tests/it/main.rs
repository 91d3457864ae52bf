//! The relay: a model of everything that can happen to its round, and the relay itself on a real outbox.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod again;
mod ledger;
mod model;
mod round;
mod run;
