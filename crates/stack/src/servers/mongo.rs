//! `mongod` as a replica set of one node; the probe initiates it.

use std::path::Path;

use super::Kind;
use crate::probe::Probe;
use crate::program::Program;
use crate::{Error, install};

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
