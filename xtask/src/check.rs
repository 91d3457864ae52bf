//! The one gate. Every step runs, also after one failed, so that one round shows everything.

use std::path::Path;
use std::process::Command;

use runtime::clock;

use crate::tidy::Finding;
use crate::{Error, generate, say, tidy};

/// One question to cargo: its name here, the arguments, and what the environment adds.
type Step = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// What cargo is asked, cheapest first. None of these flags changes how dependencies are built.
const CARGO: [Step; 3] = [
    ("format", &["fmt", "--all", "--", "--check"], &[]),
    ("clippy", &["clippy", "-q", "--workspace", "--all-targets", "--", "-D", "warnings"], &[]),
    ("docs", &["doc", "-q", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")]),
];

/// Runs every step and says how long each took; the findings are those of all steps.
pub fn run(root: &Path) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    findings.extend(step("tidy", || tidy::run(root))?);
    findings.extend(step("generated files", || generate::stale(root))?);
    for (name, arguments, environment) in CARGO {
        findings.extend(step(name, || cargo(root, arguments, environment))?);
    }
    Ok(findings)
}

fn step(name: &str, work: impl FnOnce() -> Result<Vec<Finding>, Error>) -> Result<Vec<Finding>, Error> {
    let begun = clock::monotonic();
    let findings = work()?;
    let verdict = if findings.is_empty() { "ok" } else { "FAILED" };
    say(&format!("{name:<16} {verdict:<7} {:>6.1} s", begun.elapsed().as_secs_f64()));
    Ok(findings)
}

/// Its own output goes straight to the terminal; the finding only says how to see it again.
fn cargo(root: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Vec<Finding>, Error> {
    let command = format!("cargo {}", arguments.join(" "));
    let status = Command::new("cargo")
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root)
        .status()
        .map_err(|source| Error::Run { command: command.clone(), source })?;
    if status.success() {
        return Ok(Vec::new());
    }
    Ok(vec![Finding::of_tree("cargo", format!("`{command}` failed; its output stands above"))])
}
