//! The fault rig by itself: `cargo run -p e2e --bin chaos -- --seed 7 --for 10m`. It starts a system of its own with two
//! of each service, and leaves nothing behind. The binaries must have been built: `cargo build --workspace --bins`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use e2e::chaos::{self, Lines, Plan};
use runtime::clock;

/// Attacks a whole system, and judges what is left of its promises.
#[derive(Debug, Parser)]
#[command(name = "chaos", version)]
struct Arguments {
    /// What all choices come from; a run prints it.
    #[arg(long)]
    seed: Option<u64>,
    /// How long the attack lasts, as `90s` or `10m`.
    #[arg(long = "for", default_value = "60s", value_parser = clock::length)]
    length: Duration,
    /// Customers.
    #[arg(long, default_value_t = 8)]
    customers: usize,
    /// Requests per second of each customer.
    #[arg(long, default_value_t = 4.0)]
    rate: f64,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the report is for people")]
async fn main() -> ExitCode {
    let Arguments { seed, length, customers, rate } = Arguments::parse();
    let plan = Plan { seed: seed.unwrap_or_else(rand::random), length, customers, rate };
    println!("seed {}", plan.seed);
    let lines = Lines::default();
    let system = chaos::system(&lines).await;
    let report = chaos::run(&system, &lines, plan).await;
    println!("{report}");
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
