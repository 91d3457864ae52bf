//! The command API's process: takes commands over HTTP and relays what was committed to Kafka.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A command is many small allocations, some of which another thread frees: `docs/benchmarks.md` says what it buys.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    runtime::start("command-api", command_api::run)
}
