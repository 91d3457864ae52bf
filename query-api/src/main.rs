//! The query API's process: Redis to HTTP.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// An answer is many small allocations, some of which another thread frees: `docs/benchmarks.md` says what it buys.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    runtime::start("query-api", query_api::run)
}
