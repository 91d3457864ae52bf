//! The bus on a real Kafka and a real registry.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod decoding;
mod group;
mod log_changed;
mod outage;
mod producing;
mod registry;
mod rights;
mod tail;
#[cfg(feature = "kafka-tls")]
mod tls;
mod topics;
mod world;
