//! The commands of `./dev`.

use std::convert::Infallible;
use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use runtime::clock;

use crate::orderflow::{Given, Orderflow};
use crate::{Error, folders, report};

mod logs;
mod probe_order;
mod status;
mod tests;
mod up;

/// The local stack: real servers and every process of the system on this machine.
#[derive(Debug, Parser)]
#[command(name = "./dev", bin_name = "./dev")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Install what is missing, start everything, wait until an order has gone through. Safe to repeat.
    Up {
        #[command(flatten)]
        given: Given,
    },
    /// Bring the stack up, follow one order with its times, then place a steady stream of orders.
    Demo {
        #[command(flatten)]
        given: Given,
        /// How long the stream lasts, as 10s or 2m; without it until Ctrl-C.
        #[arg(long = "for", value_name = "TIME", value_parser = clock::length)]
        length: Option<Duration>,
        /// Orders per second.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        rate: u32,
    },
    /// Run all tests on real servers.
    Test {
        /// Longer runs of the tests that can be longer.
        #[arg(long)]
        full: bool,
        /// Passed on to `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Every process with its id, address and health.
    Status {
        /// `json`: for programs; `env`: addresses and credentials as NAME=value.
        #[arg(short, long, value_enum, default_value_t = status::Output::Table)]
        output: status::Output,
    },
    /// The operators' command line, against what runs here: `./dev ops status`; `./dev ops help` lists the rest.
    #[command(disable_help_flag = true)]
    Ops {
        /// Passed on to `ops`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// The log of one process.
    Logs {
        /// Its name, as `status` shows it.
        name: String,
        /// Go on as it grows, until Ctrl-C.
        #[arg(short, long)]
        follow: bool,
    },
    /// End every process; data stays.
    Down,
    /// End every process and forget all data. Downloads stay.
    Reset,
    /// SIGKILL one process, as a crash would.
    Kill {
        /// Its name, as `status` shows it.
        name: String,
    },
    /// Start one process again and wait until it is ready.
    Start {
        /// Its name, as `status` shows it.
        name: String,
    },
}

/// Reads the command line, does what it says, and returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(threads) => threads.block_on(run(cli.command)),
        Err(source) => Err(Error::File { action: "start threads in", path: folders::repository(), source }),
    };
    match outcome {
        Ok(exit) => exit,
        Err(error) => {
            report::line(&format!("FAILED: {}", runtime::chain_in_lines(&error)));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Up { given } => {
            up::up(&given).await?;
        }
        Command::Demo { given, length, rate } => {
            let system = up::up(&given).await?;
            crate::demo::run(&system, length, rate).await?;
        }
        Command::Test { full, arguments } => return tests::run(full, &arguments),
        Command::Status { output } => return status::print(&system()?, output).await,
        Command::Ops { words } => match become_ops(&words)? {},
        Command::Logs { name, follow } => logs::print(system()?.log(&name)?, follow).await?,
        Command::Down => up::down().await?,
        Command::Reset => up::reset().await?,
        Command::Kill { name } => {
            let _alone = up::alone()?;
            let system = system()?;
            system.kill(&name).await?;
            system.save()?;
            report::line(&format!("{name} is killed; ./dev start {name} brings it back"));
        }
        Command::Start { name } => {
            let alone = up::alone()?;
            let system = system()?;
            system.start_only(&name)?;
            system.save()?;
            drop(alone);
            system.ready(&name).await?;
            report::line(&format!("{name} is ready"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Becomes the operators' command line; returns only if it cannot.
fn become_ops(words: &[String]) -> Result<Infallible, Error> {
    let mut ops = system()?.operator()?;
    let failed = ops.args(words).exec();
    Err(Error::file("start", ops.get_program())(failed))
}

/// The system that `up` started.
fn system() -> Result<Orderflow, Error> {
    let system = Orderflow::open(&folders::run())?;
    if system.is_empty() {
        return Err(Error::Missing { what: "a running stack".to_owned(), command: "./dev up".to_owned() });
    }
    Ok(system)
}

#[cfg(test)]
mod unit_tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
