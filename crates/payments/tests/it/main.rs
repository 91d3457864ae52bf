//! The client against the sandbox, over HTTP, and the signature of webhooks.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ledger;
mod outcomes;
mod webhook;
mod world;
