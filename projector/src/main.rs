//! The projector's process.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::start("projector", projector::run)
}
