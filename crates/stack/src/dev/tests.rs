//! `./dev test`: everything, on real servers, as the continuous integration runs it.

use std::process::{Command, ExitCode};

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
