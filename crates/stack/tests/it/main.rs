//! The servers as tests and `./dev` use them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod servers;
