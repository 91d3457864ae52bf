//! Apicurio Registry with an H2 file: a registry in memory would renumber its ids at every start.

use std::path::Path;

use super::{Kind, QUICK_JAVA, unpacks_in};
use crate::probe::Probe;
use crate::program::Program;
use crate::{Error, install};

/// The schema registry.
#[derive(Debug)]
pub enum RegistryKind {}

impl Kind for RegistryKind {
    const NAME: &'static str = "registry";

    fn program(folder: &Path, ports: &[u16]) -> Result<Program, Error> {
        let port = ports.first().copied().unwrap_or_default();
        let jar = install::registry_jar(&install::registry()?);
        let url = format!("http://127.0.0.1:{port}/apis/ccompat/v7");
        let database = folder.join("data/registry");
        // WRITE_DELAY=0: a registered schema survives a kill.
        let source = format!("jdbc:h2:file:{};WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE", database.display());
        Ok(Program::new(Self::NAME, folder, url.clone(), Probe::Http(format!("{url}/subjects")))
            .args(["java", "-Xmx400m"])
            .args(QUICK_JAVA)
            .args([unpacks_in(folder)])
            .args(["-jar", &jar.display().to_string()])
            .env("QUARKUS_HTTP_HOST", "127.0.0.1")
            .env("QUARKUS_HTTP_PORT", port)
            .env("QUARKUS_HTTP_ACCESS_LOG_ENABLED", "false")
            .env("APICURIO_STORAGE_KIND", "sql")
            .env("APICURIO_STORAGE_SQL_KIND", "h2")
            .env("APICURIO_DATASOURCE_URL", source))
    }
}

/// Removes everything that it has stored.
pub(super) fn forget(folder: &Path) -> Result<(), Error> {
    let data = folder.join("data");
    std::fs::remove_dir_all(&data).map_err(Error::file("remove", &data))
}
