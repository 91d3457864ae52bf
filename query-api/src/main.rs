//! The query API's process: Redis to HTTP.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::start("query-api", query_api::run)
}
