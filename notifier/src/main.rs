//! The notifier's process.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::start("notifier", notifier::run)
}
