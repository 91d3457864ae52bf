//! `./dev test`: everything, on real servers, as the continuous integration runs it.

use std::num::NonZero;
use std::process::{Command, ExitCode};
use std::thread;

use crate::{Error, folders, install, report};

/// Installs the servers, so that no test waits for a download, builds, and hands over to `cargo test`, whose own count is
/// the last that is said.
pub(super) fn run(full: bool, arguments: &[String]) -> Result<ExitCode, Error> {
    install::all()?;
    install::consumer_packages()?;
    let profile = folders::profile();
    // The binaries first: the end-to-end tests start them.
    for words in [["build", "--workspace", "--bins"], ["test", "--workspace", "--no-fail-fast"]] {
        let mut cargo = Command::new("cargo");
        cargo.args(words).args(profile).current_dir(folders::repository());
        if words.contains(&"test") {
            cargo.args(["--config", &format!("env.RUST_TEST_THREADS='{}'", threads())]);
            cargo.args(arguments).env("ORDERFLOW_FULL", if full { "1" } else { "0" });
        }
        report::line(&format!("cargo {}", words.join(" ")));
        let status = cargo.status();
        let status =
            status.map_err(|source| Error::Spawn { name: "cargo".to_owned(), command: words.join(" "), source })?;
        if !status.success() {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How many tests of a crate run at a time, unless `RUST_TEST_THREADS` is set already. Twice as many as there are cores: most
/// wait for a server, or for their turn with one, more than they compute.
fn threads() -> usize {
    2 * thread::available_parallelism().map_or(1, NonZero::get)
}
