//! Promises of the whole system, on real servers: MongoDB, Kafka, registry, Redis, nginx, and two of each of our
//! processes. The tests share one system and take turns.

#![expect(clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod bad_input;
mod erasure;
mod faults;
mod forgeries;
mod fulfilment;
mod healing;
mod idempotency;
mod journey;
mod keys;
mod outages;
mod payments;
mod security;
mod sessions;
mod standing;
mod users;
mod world;
