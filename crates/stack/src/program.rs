//! How one process of the stack is started and asked whether it is ready: plain data, so that it can be kept in a file
//! and started again by another run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::probe::Probe;

/// A server or one of our processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name in logs, in `status` and for `kill`.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Environment on top of ours. Secrets are given as files, so this may be stored.
    pub env: BTreeMap<String, String>,
    /// Its working folder, which also holds its data.
    pub folder: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
    /// The URL or `host:port` that others use.
    pub address: String,
    /// How to see that it is ready.
    pub probe: Probe,
}

impl Program {
    /// A program without environment that works in `folder` and logs to `<folder>/<name>.log`.
    #[must_use]
    pub fn new(name: &str, folder: &Path, address: String, probe: Probe) -> Self {
        let log = folder.join(format!("{name}.log"));
        let (command, env) = (Vec::new(), BTreeMap::new());
        Self { name: name.to_owned(), command, env, folder: folder.to_path_buf(), log, address, probe }
    }

    /// Appends words to the command line.
    #[must_use]
    pub fn args<T: ToString>(mut self, words: impl IntoIterator<Item = T>) -> Self {
        self.command.extend(words.into_iter().map(|word| word.to_string()));
        self
    }

    /// Sets one variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.env.insert(name.to_owned(), value.to_string());
        self
    }

    /// The last lines of the log, for an error message.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines.get(lines.len().saturating_sub(12)..).unwrap_or_default();
        if last.is_empty() { "  (empty)".to_owned() } else { format!("  {}", last.join("\n  ")) }
    }
}
