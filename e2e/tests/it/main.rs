//! Promises of the whole system, on real servers: MongoDB, Kafka, registry, Redis, nginx, and two of each of our
//! processes. The tests share one system and take turns; a few have one of their own, beside it and one after the other.

#![expect(clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod abuse;
mod audiences;
mod bad_input;
mod blows;
mod board;
mod chaos;
mod clocks;
mod deadlines;
mod erasure;
mod events;
mod explained;
mod faults;
mod flash_sale;
mod forgeries;
mod fulfilment;
mod graceful;
mod healing;
mod idempotency;
mod journey;
mod keys;
mod outages;
mod payments;
mod rebuild;
mod receiver;
mod replay;
mod restored;
mod rights;
mod security;
mod seeds;
mod sessions;
mod standing;
mod strangers;
mod traces;
mod users;
mod world;
