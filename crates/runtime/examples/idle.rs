//! A whole process in few lines: it waits for its end. The tests start it and watch it from outside.

use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use runtime::{Config, Process, RuntimeConfig};

/// The settings of the example.
#[derive(Debug, Parser)]
struct IdleConfig {
    #[command(flatten)]
    runtime: RuntimeConfig,
    /// How many milliseconds it takes to end.
    #[arg(long, env = "LINGER_MS", default_value_t = 0)]
    linger_ms: u64,
    /// How it behaves: `wait`, `hesitate` to say that it is set up, `panic` in its main part, or `fail` in a supervised
    /// task.
    #[arg(long, env = "BEHAVIOUR", value_enum, default_value_t = Behaviour::Wait)]
    behaviour: Behaviour,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Behaviour {
    Wait,
    Hesitate,
    Panic,
    Fail,
}

impl Config for IdleConfig {
    fn runtime(&self) -> &RuntimeConfig {
        &self.runtime
    }
}

async fn run(config: IdleConfig, process: Process) -> Result<(), Infallible> {
    let dependency = process.health.dependency("nothing");
    dependency.up();
    match config.behaviour {
        Behaviour::Wait => process.set_up(),
        Behaviour::Hesitate => {}
        #[expect(clippy::panic, reason = "the tests want to see it")]
        Behaviour::Panic => panic!("as asked"),
        Behaviour::Fail => process.tasks.supervise("doomed", async { Err(std::fmt::Error) }),
    }
    process.shutdown.requested().await;
    tokio::time::sleep(Duration::from_millis(config.linger_ms)).await;
    Ok(())
}

fn main() -> ExitCode {
    runtime::start("idle", run)
}
