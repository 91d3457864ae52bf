//! Python packages, for the examples in Python.

use std::path::PathBuf;
use std::process::Command;

use super::{debian, installed, run};
use crate::{Error, folders, report};

/// What the example consumer needs, each file by its digest.
const REQUIREMENTS: &str = "docs/examples/requirements.txt";

/// A folder with the packages that the example consumer imports: its `PYTHONPATH`.
///
/// # Errors
/// What is missing or which download failed.
pub fn consumer_packages() -> Result<PathBuf, Error> {
    let requirements = folders::repository().join(REQUIREMENTS);
    let text = std::fs::read(&requirements).map_err(Error::file("read", &requirements))?;
    let digest = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text));
    let version = digest.get(..12).unwrap_or(&digest);
    // Packages with native code are for one Python only.
    let python = run(Command::new("python3").arg("--version"))?;
    let python = python.trim().replace(' ', "-").to_lowercase();
    installed(&format!("consumer-{version}-{python}"), |folder| {
        if run(Command::new("python3").args(["-m", "pip", "--version"])).is_err() {
            let command = debian::command(&["python3-pip"]);
            return Err(Error::Missing { what: "Python 3 with pip".to_owned(), command });
        }
        report::line(&format!("downloading Python packages (9 MB): pip install -r {REQUIREMENTS}"));
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]);
        run(pip.arg("--target").arg(folder).arg("--requirement").arg(&requirements)).map(drop)
    })
}
