//! Benchmarks: each stage of the system beside the least that could do its job, in one run, by turns, on real servers.
//!
//! What counts are ratios of rounds that were run side by side, and CPU per operation; a rate alone says more about the
//! machine. `docs/benchmarks.md` holds a kept run, and what it does not show.

#![expect(clippy::panic, clippy::expect_used, reason = "a benchmark that cannot go on stops, with what it saw")]

mod append;
pub mod case;
mod cli;
mod codec;
mod crowd;
mod fan_out;
mod flash_sale;
mod growth;
mod http;
mod journey;
mod load;
mod machine;
pub mod measure;
mod naive;
mod orders;
pub mod plan;
mod query;
mod rebuild;
mod recovery;
mod relay;
mod replay;
pub mod report;
mod rival;
mod stages;
pub mod table;
pub mod world;

pub use cli::{Benchmark, main, run};
