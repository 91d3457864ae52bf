//! The repository's own tool. `check` is the one gate; `tidy` and `gen` are the parts of it that are ours.
//!
//! It promises that what the documents say of the code is what the code says: a rule that is written down is held by
//! [`tidy`], and a page that can be derived is written by [`generate`].

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod check;
pub mod generate;
pub mod mutate;
pub mod tidy;

/// What went wrong while looking at the repository. A finding is not an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program did not start.
    #[error("could not run `{command}`: is it installed and on the PATH?")]
    Run {
        /// The command line.
        command: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program ran and failed.
    #[error("`{command}` failed: {stderr}")]
    Failed {
        /// The command line.
        command: String,
        /// What it wrote to its error stream.
        stderr: String,
    },
    /// `cargo metadata` answered something else than a list of packages.
    #[error("`cargo metadata` did not answer as expected")]
    Metadata(#[source] serde_json::Error),
    /// A file could not be read.
    #[error("could not read {path}")]
    Read {
        /// Relative to the root.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A generated file could not be written.
    #[error("could not write {path}")]
    Write {
        /// Relative to the root.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A source file is not Rust.
    #[error("{path}:{line} does not parse as Rust")]
    Parse {
        /// Relative to the root.
        path: String,
        /// Where the parser stopped.
        line: usize,
        /// What the parser said.
        source: syn::Error,
    },
    /// A page could not be derived from what the code says.
    #[error("could not derive {page}")]
    Derive {
        /// The page.
        page: &'static str,
        /// What stood in the way.
        source: serde_json::Error,
    },
    /// The description of the events is no YAML.
    #[error("could not write asyncapi.yaml as YAML")]
    Yaml(#[source] serde_yaml_ng::Error),
}

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The repository's own tool")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// The one gate: format, tidy, generated files, clippy, docs. Runs all of them and fails if one did.
    Check,
    /// The rules of the house that no other tool holds.
    Tidy,
    /// Writes the generated files.
    Gen {
        /// Writes nothing; fails if a file is not what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Plants faults in a copy of the code, and fails if the tests that each of them names do not notice.
    Mutate {
        /// Which; without a name, all.
        names: Vec<String>,
        /// Also those whose tests need the real servers.
        #[arg(long)]
        slow: bool,
    },
}

/// Runs what the command line asks for: 0 in order, 1 with findings or a failed run.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let root = root();
    let outcome = match arguments.task {
        Task::Check => check::run(&root),
        Task::Tidy => tidy::run(&root),
        Task::Gen { check: true } => generate::stale(&root),
        Task::Mutate { names, slow } => mutate::run(&root, &names, slow),
        Task::Gen { check: false } => generate::write(&root).map(|()| Vec::new()),
    };
    match outcome {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            for finding in &findings {
                say(&finding.to_string());
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            say(&runtime::chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// The repository's root: the folder that holds this crate's folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// One line for whoever started the tool. A closed pipe is no reason to fail.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _closed = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the gate holds that needs no second build is held wherever the tests run, too.
    #[test]
    fn the_tree_is_in_order_and_what_is_generated_is_current() -> Result<(), Error> {
        let root = root();
        let found = [tidy::run(&root)?, generate::stale(&root)?].concat();
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, Vec::<String>::new());
        Ok(())
    }
}
