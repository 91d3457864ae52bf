//! Who is let in, and who no longer.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cache;
mod extractor;
mod keys;
mod nonsense;
mod rotation;
mod token;
mod topic;
mod world;
