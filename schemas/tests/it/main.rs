//! What the codec, the schema files and the releases before this one hold each other to.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod evolution;
mod files;
mod hostile;
mod ids;
mod reference;
mod released;
mod round_trip;
mod samples;
