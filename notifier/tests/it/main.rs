//! The notifier's routes on real sockets, over a real Redis, and its way from Kafka to the socket.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod catalogue;
mod client;
mod entry;
mod events;
mod keys;
mod nonsense;
mod operators;
mod pipeline;
mod poison;
mod resume;
mod slow;
mod socket;
mod world;
