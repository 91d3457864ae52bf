//! Commands on one stream, against a real MongoDB: what is decided together, races between processes, and retries.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod alone;
mod long;
mod together;
mod world;
