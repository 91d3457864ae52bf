//! What a running process hands to its parts.

use std::sync::Arc;

use crate::{Health, Shutdown, Tasks};

/// What a process waits for while it declares what it needs: whoever asks too early must not hear that nothing is missing.
pub(crate) const SETUP: &str = "setup";

/// The process that we are: its name, its end, its health and its tasks. Clones share them.
#[derive(Debug, Clone)]
pub struct Process {
    /// The kind of process: `command-api`.
    pub name: &'static str,
    /// Which one of its kind: `command-api-1`. Stable over restarts, unique among the running ones.
    pub instance: Arc<str>,
    /// The signal to end.
    pub shutdown: Shutdown,
    /// What it needs, and whether that is there.
    pub health: Health,
    /// Its background tasks.
    pub tasks: Tasks,
}

impl Process {
    /// A process of this name. Called by [`crate::start`], and by tests.
    #[must_use]
    pub fn new(name: &'static str, instance: Option<&str>) -> Self {
        let shutdown = Shutdown::default();
        let instance = instance.map_or_else(|| format!("{name}-1"), str::to_owned).into();
        let (health, tasks) = (Health::new(shutdown.clone()), Tasks::new(shutdown.clone()));
        Self { name, instance, shutdown, health, tasks }
    }

    /// Says that everything which this process needs is declared: from now on it is ready as soon as all of that is up.
    /// Under [`crate::start`] it is not ready before; [`crate::http::serve`] says so by itself.
    pub fn set_up(&self) {
        self.health.dependency(SETUP).up();
    }
}
