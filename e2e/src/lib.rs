//! What the end-to-end tests are made of: clients of the gateway, and a checker that compares what MongoDB holds with
//! what Kafka and Redis show of it.

#![expect(clippy::panic, clippy::expect_used, reason = "a test's helper fails by panicking, with what it saw")]

pub mod browser;
pub mod chaos;
pub mod check;
pub mod client;
pub mod dates;
pub mod ledger;
pub mod observer;
pub mod plain_redis;
pub mod provider;
pub mod remains;
pub mod socket;
