//! What every process does alike: configuration, HTTP errors, health, tasks, and its end.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod admin;
mod config;
mod http;
mod process;
mod server;
mod tasks;
