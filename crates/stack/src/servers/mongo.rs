//! `mongod` as a replica set of one node; the probe initiates it.

mod users;

use std::path::{Path, PathBuf};

use super::Kind;
use crate::probe::Probe;
use crate::program::Program;
use crate::{Error, install, secret};

pub use users::MongoUsers;

/// Not for five minutes: the relay's look at the outbox passes over every mark that history still holds.
pub(super) const HISTORY: &str = "minSnapshotHistoryWindowInSeconds=5";

/// MongoDB.
#[derive(Debug)]
pub enum MongoKind {}

impl Kind for MongoKind {
    const NAME: &'static str = "mongodb";

    fn program(folder: &Path, ports: &[u16]) -> Result<Program, Error> {
        let port = ports.first().copied().unwrap_or_default();
        let data = folder.join("data");
        std::fs::create_dir_all(&data).map_err(Error::file("create", &data))?;
        let address = format!("mongodb://127.0.0.1:{port}/orderflow?replicaSet=rs0");
        Ok(Program::new(Self::NAME, folder, address, Probe::Mongo(port))
            .args([install::mongod()?.display().to_string()])
            .args(["--replSet", "rs0", "--bind_ip", "127.0.0.1", "--port", &port.to_string()])
            .args(["--dbpath", &data.display().to_string(), "--wiredTigerCacheSizeGB", "1", "--nounixsocket"])
            .args(["--setParameter", HISTORY])
            // Its own once-a-second measurements would show as load of an idle stack.
            .args(["--setParameter", "diagnosticDataCollectionEnabled=false"]))
    }
}

/// MongoDB that lets nobody in without a name and a password, once its users were made ([`MongoUsers::make`]).
#[derive(Debug)]
pub enum GuardedMongoKind {}

impl Kind for GuardedMongoKind {
    const NAME: &'static str = MongoKind::NAME;

    fn program(folder: &Path, ports: &[u16]) -> Result<Program, Error> {
        let key = members_key(folder)?.display().to_string();
        Ok(MongoKind::program(folder, ports)?.args(["--keyFile", &key]))
    }
}

/// The file by which the members of a replica set know each other; without one, a set asks nobody for a password.
fn members_key(folder: &Path) -> Result<PathBuf, Error> {
    let path = folder.join("members.key");
    secret::kept(&path, || secret::random(32))?;
    Ok(path)
}
