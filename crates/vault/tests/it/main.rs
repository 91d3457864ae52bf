//! The vault on a real MongoDB.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod destroying;
mod outage;
mod rotating;
mod sealing;
mod world;
