//! The real servers and the whole system on one machine, for tests and for `./dev`.
//!
//! [`testing`] gives a test binary its own MongoDB, Kafka, registry and Redis; [`servers`] starts, kills and restarts
//! them; [`Orderflow`]
//! is the whole system.

mod demo;
mod error;
mod orderflow;
mod port;
mod probe;
mod process;
mod program;
mod secret;
mod wait;

pub mod dev;
pub mod folders;
pub mod install;
pub mod report;
pub mod servers;
pub mod testing;
pub mod versions;

pub use error::{Error, Lead};
pub use orderflow::{Addresses, Admin, Given, Orderflow, Shape, Traces};
pub use wait::{eventually, within};
