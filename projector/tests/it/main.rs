//! The projector on a real Kafka, a real registry and a real Redis.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod exactly_once;
mod generations;
mod log_changed;
mod parking;
mod standing_still;
mod users;
mod world;
