//! What every process needs and no business word appears in: configuration, logs, metrics, health, shutdown, tasks,
//! traces, clocks, the HTTP server with its error layers, and problem+json.
//!
//! A process is `fn main() -> ExitCode { runtime::start("name", run) }`.

mod admin;
mod error;
mod logs;
mod passes;
mod process;
mod shutdown;
mod start;

pub mod backoff;
pub mod clock;
pub mod config;
pub mod health;
pub mod http;
pub mod metrics;
pub mod problem;
pub mod tasks;
pub mod trace;

pub use config::{Config, Environment, RuntimeConfig, Secret};
pub use error::{Error, chain, chain_in_lines};
pub use health::{Dependency, Health};
pub use passes::{Pass, Passes};
pub use process::Process;
pub use shutdown::Shutdown;
pub use start::start;
pub use tasks::Tasks;
