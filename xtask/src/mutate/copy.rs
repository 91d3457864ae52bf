//! A copy of the repository, to be spoiled: below `target`, with a folder of its own for what is built, so that no
//! spoiled program ever lies where the others look for theirs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{Mutation, Test, first_line};
use crate::Error;
use crate::tidy::run_for_text;

/// From the root.
const FOLDER: &str = "target/mutations";

pub(super) struct Copy {
    root: PathBuf,
    folder: PathBuf,
}

impl Copy {
    /// Makes the copy what the repository is now. Files that are the same already stay untouched, so that cargo builds
    /// only what the last mutation and the next one change.
    pub(super) fn of(root: &Path) -> Result<Self, Error> {
        let folder = root.join(FOLDER).join("copy");
        let listing = run_for_text(root, "git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
        let files: BTreeSet<_> = listing.lines().filter(|path| root.join(path).is_file()).collect();
        for path in &files {
            copy(&root.join(path), &folder.join(path))
                .map_err(|source| Error::Write { path: (*path).to_owned(), source })?;
        }
        let copy = Self { root: root.to_owned(), folder };
        let superfluous = |error| Error::Write { path: FOLDER.to_owned(), source: error };
        remove_others(&copy.folder, &copy.folder, &files).map_err(superfluous)?;
        Ok(copy)
    }

    /// Applies a patch; the inner error is git's reason for refusing it.
    pub(super) fn apply(&self, mutation: &Mutation) -> Result<Result<(), String>, Error> {
        let mut git = Command::new("git");
        // Without a ceiling git would find the repository around the copy, and pass over what lies outside of it.
        git.args(["apply", &mutation.path]).env("GIT_CEILING_DIRECTORIES", self.root.join(FOLDER));
        let output = self.output(git, "git apply")?;
        Ok(if output.status.success() { Ok(()) } else { Err(first_line(&output.stderr)) })
    }

    /// Whether cargo succeeds with this; its own output goes to the terminal.
    pub(super) fn builds(&self, arguments: &[&str]) -> Result<bool, Error> {
        let mut cargo = self.cargo();
        cargo.args(arguments).arg("--quiet").stderr(Stdio::inherit());
        Ok(self.output(cargo, "cargo")?.status.success())
    }

    /// Whether the test ran and failed.
    pub(super) fn fails(&self, test: &Test) -> Result<bool, Error> {
        let mut cargo = self.cargo();
        cargo.args(["test", "--no-fail-fast"]).args(&test.target).args(["--", &test.name]);
        let output = self.output(cargo, "cargo test")?;
        let printed = String::from_utf8_lossy(&output.stdout);
        Ok(printed.lines().any(|line| is_failure(line, &test.name)))
    }

    fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.env("CARGO_TARGET_DIR", self.root.join(FOLDER).join("build"));
        // Downloaded servers are the repository's.
        cargo.env("ORDERFLOW_CACHE", self.root.join(".dev/cache"));
        cargo
    }

    fn output(&self, mut command: Command, name: &str) -> Result<Output, Error> {
        let output = command.current_dir(&self.folder).output();
        output.map_err(|source| Error::Run { command: name.to_owned(), source })
    }
}

/// A line of libtest's: `test path::of::the_test ... FAILED`.
fn is_failure(line: &str, test: &str) -> bool {
    let result = line.strip_prefix("test ").and_then(|line| line.split_once(" ... "));
    result.is_some_and(|(path, result)| result == "FAILED" && path.rsplit("::").next() == Some(test))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let content = std::fs::read(from)?;
    if std::fs::read(to).is_ok_and(|there| there == content) {
        return Ok(());
    }
    to.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(to, content)?;
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())
}

/// Removes what was copied once and is not wanted any more.
fn remove_others(folder: &Path, base: &Path, wanted: &BTreeSet<&str>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, base, wanted)?;
        } else if path.strip_prefix(base).ok().and_then(Path::to_str).is_none_or(|path| !wanted.contains(path)) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_failure;

    #[test]
    fn a_failure_is_that_of_the_test_itself() {
        assert!(is_failure("test model::a_mark_is_kept ... FAILED", "a_mark_is_kept"));
        for line in [
            "test model::a_mark_is_kept ... ok",
            "test model::a_mark_is_kept_too ... FAILED",
            "error: could not compile `relay`",
        ] {
            assert!(!is_failure(line, "a_mark_is_kept"), "{line}");
        }
    }
}
