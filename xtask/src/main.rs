//! `cargo xtask`: the one gate and what it keeps true.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::run()
}
