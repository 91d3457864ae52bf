//! nginx with the configuration `nginx.conf` that lies in its folder.

use std::path::Path;

use super::Kind;
use crate::probe::Probe;
use crate::program::Program;
use crate::{Error, install};

/// nginx.
#[derive(Debug)]
pub enum NginxKind {}

impl Kind for NginxKind {
    const NAME: &'static str = "gateway";

    fn program(folder: &Path, ports: &[u16]) -> Result<Program, Error> {
        let port = ports.first().copied().unwrap_or_default();
        let address = format!("http://127.0.0.1:{port}");
        // Ready = it answers by itself; whether the services behind it do is their own probes' business.
        let probe = Probe::Http(format!("{address}/health/gateway"));
        Ok(Program::new(Self::NAME, folder, address, probe)
            .args([install::nginx()?.display().to_string()])
            .args(words(folder))
            // One process: a killed master would leave its workers, and they the port.
            .args(["-g", "daemon off; master_process off;"]))
    }
}

/// The arguments that have nginx use nothing outside this folder.
pub(crate) fn words(folder: &Path) -> [String; 6] {
    let (place, settings) = (folder.display().to_string(), folder.join("nginx.conf").display().to_string());
    ["-p".to_owned(), place, "-c".to_owned(), settings, "-e".to_owned(), "stderr".to_owned()]
}
