//! What is remembered between runs of `./dev`: ports, addresses, processes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ports::Ports;
use super::{Addresses, Admin, Orderflow, Shape};
use crate::Error;
use crate::process::{Identity, Lifetime, Process};
use crate::program::Program;

#[derive(Debug, Serialize, Deserialize)]
struct State {
    shape: Shape,
    ports: BTreeMap<String, u16>,
    addresses: Addresses,
    admin_email: String,
    processes: Vec<Saved>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    program: Program,
    identity: Option<Identity>,
}

/// One line of `./dev status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Status {
    /// The process's name.
    pub(crate) name: String,
    /// Its id while it runs.
    pub(crate) pid: Option<u32>,
    /// Where it serves.
    pub(crate) address: String,
    /// Whether it does.
    pub(crate) health: Health,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// Whether a process serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Health {
    /// It runs and is ready.
    Up,
    /// It runs and is not ready.
    Unready,
    /// It does not run.
    Down,
}

impl Orderflow {
    /// The detached system of this folder, as an earlier run left it; a new one if there was none.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let mut system = Self::new(folder.to_path_buf(), Lifetime::Detached, Shape::default());
        let path = folder.join("state.json");
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(system),
            Err(error) => return Err(Error::file("read", &path)(error)),
        };
        let state: State = serde_json::from_slice(&text).map_err(|source| Error::State { path, source })?;
        let adopt = |saved: Saved| Process::adopt(saved.program, saved.identity);
        system.shape = state.shape;
        system.ports = Ports::remembered(state.ports);
        system.addresses = state.addresses;
        system.processes = state.processes.into_iter().map(adopt).collect();
        let password = std::fs::read_to_string(folder.join("keys/admin.password")).unwrap_or_default();
        system.admin = Admin { email: state.admin_email, password };
        Ok(system)
    }

    /// Writes down what runs, so that another run finds it.
    pub(crate) fn save(&self) -> Result<(), Error> {
        let saved = |process: &Process| Saved { program: process.program().clone(), identity: process.identity() };
        let state = State {
            shape: self.shape,
            ports: self.ports.numbers().clone(),
            addresses: self.addresses.clone(),
            admin_email: self.admin.email.clone(),
            processes: self.processes.iter().map(saved).collect(),
        };
        let path = self.folder.join("state.json");
        let text = serde_json::to_vec_pretty(&state).map_err(|source| Error::State { path: path.clone(), source })?;
        // All or nothing: a run that is interrupted here must not lose the processes.
        let fresh = self.folder.join("state.json.new");
        std::fs::write(&fresh, text).map_err(Error::file("write", &fresh))?;
        std::fs::rename(&fresh, &path).map_err(Error::file("rename", &fresh))
    }

    /// Whether there is anything to speak of.
    pub(crate) fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    /// Every process, asked now.
    pub(crate) async fn status(&self) -> Vec<Status> {
        futures::future::join_all(self.processes.iter().map(status)).await
    }

    /// Ends everything: our processes first, then the servers; data stays.
    pub(crate) async fn end(&self, say: &dyn Fn(&str)) {
        let is_server = |process: &&Process| self.folder != process.program().folder;
        let (servers, ours): (Vec<_>, Vec<_>) = self.processes.iter().partition(is_server);
        for group in [ours, servers] {
            let ending = group.into_iter().filter(|process| process.identity().is_some()).map(async |process| {
                process.terminate(super::END_WITHIN).await;
                say(&format!("{} has ended", process.program().name));
            });
            futures::future::join_all(ending).await;
        }
    }
}

async fn status(process: &Process) -> Status {
    let Program { name, address, probe, .. } = process.program().clone();
    let pid = process.identity().map(|identity| identity.pid);
    let (health, reason) = match (pid, probe.check().await) {
        (None, _) => (Health::Down, Some("does not run".to_owned())),
        (Some(_), Ok(())) => (Health::Up, None),
        (Some(_), Err(unready)) => (Health::Unready, Some(unready.to_string())),
    };
    Status { name, pid, address, health, reason }
}
