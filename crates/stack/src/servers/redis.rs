//! Redis as the read model needs it: every write on disk before its answer, and refused rather than evicted when full.

use std::path::Path;

use super::Kind;
use crate::probe::Probe;
use crate::program::Program;
use crate::{Error, install};

/// The settings that the read model relies on; compose has the same.
pub(crate) const SETTINGS: [(&str, &str); 4] =
    [("appendonly", "yes"), ("appendfsync", "always"), ("save", ""), ("maxmemory-policy", "noeviction")];

/// Redis.
#[derive(Debug)]
pub enum RedisKind {}

impl Kind for RedisKind {
    const NAME: &'static str = "redis";

    fn program(folder: &Path, ports: &[u16]) -> Result<Program, Error> {
        let port = ports.first().copied().unwrap_or_default();
        let program = install::redis()?.display().to_string();
        let mut words = vec![program];
        for (name, value) in SETTINGS {
            words.extend([format!("--{name}"), value.to_owned()]);
        }
        let address = format!("redis://127.0.0.1:{port}/");
        Ok(Program::new(Self::NAME, folder, address, Probe::Redis(port))
            .args(words)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--daemonize", "no"])
            .args(["--dir", &folder.display().to_string()]))
    }
}
