//! Whether this process can do its work: one entry per dependency, each with its reason and since when.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::{Shutdown, clock};

const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The process's health; clones share it. Ready = every dependency is up and no shutdown was requested.
#[derive(Debug, Clone)]
pub struct Health {
    shutdown: Shutdown,
    entries: Arc<Mutex<Vec<Entry>>>,
}

#[derive(Debug, Clone)]
struct Entry {
    name: &'static str,
    reason: Option<String>,
    since_micros: i64,
}

/// One thing that this process needs; it starts down. Clones share it.
#[derive(Debug, Clone)]
pub struct Dependency {
    name: &'static str,
    index: usize,
    health: Health,
}

/// What `/readyz?verbose` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether the process can do its work.
    pub ready: bool,
    /// Whether it is ending.
    pub shutting_down: bool,
    /// Each dependency, in the order of declaration.
    pub dependencies: Vec<DependencyReport>,
}

/// One line of a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DependencyReport {
    /// Its name.
    pub name: &'static str,
    /// Whether it is up.
    pub up: bool,
    /// Why it is down.
    pub reason: Option<String>,
    /// Since when it has been up, or down; RFC 3339.
    pub since: String,
}

impl Health {
    /// Health without dependencies.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self { shutdown, entries: Arc::default() }
    }

    /// Declares a dependency, down for the reason `starting`. Asking for a name again returns the same one.
    #[must_use]
    pub fn dependency(&self, name: &'static str) -> Dependency {
        let mut entries = self.entries();
        let index = entries.iter().position(|entry| entry.name == name).unwrap_or_else(|| {
            entries.push(Entry { name, reason: Some("starting".to_owned()), since_micros: clock::now_micros() });
            entries.len() - 1
        });
        drop(entries);
        Dependency { name, index, health: self.clone() }
    }

    /// Whether the process can do its work now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.shutdown.is_requested() && self.entries().iter().all(|entry| entry.reason.is_none())
    }

    /// The whole picture.
    #[must_use]
    pub fn report(&self) -> Report {
        let entries = self.entries().clone();
        let shutting_down = self.shutdown.is_requested();
        let ready = !shutting_down && entries.iter().all(|entry| entry.reason.is_none());
        Report { ready, shutting_down, dependencies: entries.into_iter().map(DependencyReport::from).collect() }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Entry> for DependencyReport {
    fn from(entry: Entry) -> Self {
        let Entry { name, reason, since_micros } = entry;
        Self { name, up: reason.is_none(), reason, since: clock::rfc3339(since_micros) }
    }
}

impl Dependency {
    /// It answers. Logged when it was down before.
    pub fn up(&self) {
        self.change(None);
    }

    /// It does not answer, for this reason. Logged when the reason is new.
    pub fn down(&self, reason: impl Display) {
        self.change(Some(reason.to_string()));
    }

    /// Returns when everything else is up, or a shutdown is requested.
    pub(crate) async fn last(&self) {
        let is_last = || self.health.entries().iter().all(|entry| entry.reason.is_none() || entry.name == self.name);
        while !is_last() && !self.health.shutdown.is_requested() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Whether it is up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.health.entries().get(self.index).is_some_and(|entry| entry.reason.is_none())
    }

    fn change(&self, reason: Option<String>) {
        let mut entries = self.health.entries();
        let Some(entry) = entries.get_mut(self.index) else { return };
        if entry.reason == reason {
            return;
        }
        if entry.reason.is_some() != reason.is_some() {
            entry.since_micros = clock::now_micros();
        }
        entry.reason.clone_from(&reason);
        drop(entries);
        match reason {
            None => tracing::info!(dependency = self.name, "{} is up", self.name),
            Some(reason) => tracing::warn!(dependency = self.name, reason, "{} is down: {reason}", self.name),
        }
    }
}
