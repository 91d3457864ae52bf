//! Redis, nginx and, for the tests that need them, Chromium and libfaketime from the distribution's packages.

use std::path::PathBuf;
use std::process::Command;

use super::{lock, run};
use crate::versions::{REDIS, REDIS_MAJOR};
use crate::{Error, folders, report};

/// The program `redis-server`, with Functions.
///
/// # Errors
/// [`Error::Missing`] when it is too old or cannot be installed.
pub fn redis() -> Result<PathBuf, Error> {
    let path = program("redis-server", "redis-server")?;
    let version = run(Command::new(&path).arg("--version"))?;
    if major(&version).is_some_and(|major| major >= REDIS_MAJOR) {
        return Ok(path);
    }
    Err(Error::Missing {
        what: format!("Redis {REDIS} or newer (found: {})", version.trim()),
        command: "use Debian 12, Ubuntu 24.04 or newer, or: export REDIS_URL=redis://…".to_owned(),
    })
}

/// The program `nginx`.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Command`] when it cannot be installed.
pub fn nginx() -> Result<PathBuf, Error> {
    program("nginx", "nginx")
}

/// The program `chromium`. No server needs it, so [`super::all`] does not install it.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Command`] when it cannot be installed.
pub fn chromium() -> Result<PathBuf, Error> {
    program("chromium", "chromium")
}

/// The library by which a process's wall clock is set, for programs with threads. No server needs it, so [`super::all`]
/// does not install it.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Command`] when it cannot be installed.
pub fn faketime() -> Result<PathBuf, Error> {
    let folder = format!("/usr/lib/{}-linux-gnu/faketime", std::env::consts::ARCH);
    let library = PathBuf::from(folder).join("libfaketimeMT.so.1");
    provided(&format!("`{}`", library.display()), "faketime", || Some(library.clone()).filter(|path| path.is_file()))
}

/// The major version in what `redis-server --version` prints.
fn major(version: &str) -> Option<u32> {
    version.split_once("v=")?.1.split('.').next()?.parse().ok()
}

fn program(name: &str, package: &str) -> Result<PathBuf, Error> {
    provided(&format!("`{name}`"), package, || find(name))
}

/// What a package brings; it is installed if this is not found.
fn provided(what: &str, package: &str, find: impl Fn() -> Option<PathBuf>) -> Result<PathBuf, Error> {
    if let Some(path) = find() {
        return Ok(path);
    }
    let cache = folders::cache();
    std::fs::create_dir_all(&cache).map_err(Error::file("create", &cache))?;
    let _lock = lock(&cache.join("apt.lock"))?;
    if let Some(path) = find() {
        return Ok(path);
    }
    install(&[package])?;
    find().ok_or_else(|| Error::Missing { what: what.to_owned(), command: command(&[package]) })
}

fn find(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "this is how programs are found")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    // An ordinary user's PATH lacks the folders of servers.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The command that a person would type.
pub(super) fn command(packages: &[&str]) -> String {
    format!("{}apt-get install -y {}", if is_root() { "" } else { "sudo " }, packages.join(" "))
}

/// Installs packages with `apt-get`, with `sudo` where not root.
pub(super) fn install(packages: &[&str]) -> Result<(), Error> {
    let command = command(packages);
    if find("apt-get").is_none() || (!is_root() && find("sudo").is_none()) {
        return Err(Error::Missing { what: packages.join(" "), command });
    }
    report::line(&format!("installing Debian packages: {command}"));
    let _old_lists_may_do = run(&mut apt(&["update", "-qq"]));
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(packages);
    run(&mut apt(&arguments)).map(drop)
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = if is_root() { Command::new("apt-get") } else { Command::new("sudo") };
    if !is_root() {
        // Never ask for a password that nobody sees.
        command.args(["--non-interactive", "apt-get"]);
    }
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    uids.split_whitespace().nth(1) == Some("0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_redis_is_read() {
        let printed = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1a2b";
        assert_eq!(major(printed), Some(7));
        assert_eq!(major("something else"), None);
    }
}
