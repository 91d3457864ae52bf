//! Where things lie: the repository, the cache of downloads, the folder of the local stack, the built binaries.

use std::path::{Path, PathBuf};

/// The root of the checkout that this was built from.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Downloads and installed servers: `ORDERFLOW_CACHE`, else `.dev/cache` of the repository.
#[must_use]
pub fn cache() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "tests need the cache too, and have no command line")]
    let given = std::env::var_os("ORDERFLOW_CACHE");
    given.map_or_else(|| repository().join(".dev/cache"), PathBuf::from)
}

/// Everything of the running local stack: state, data, logs, keys.
#[must_use]
pub fn run() -> PathBuf {
    repository().join(".dev/run")
}

/// The folder of the workspace's binaries: where this program, or the test that runs it, was built.
#[must_use]
pub fn binaries() -> PathBuf {
    let current = std::env::current_exe().unwrap_or_default();
    let folder = current.parent().unwrap_or(Path::new("."));
    let is_test = folder.file_name().is_some_and(|name| name == "deps");
    if is_test { folder.parent().unwrap_or(folder) } else { folder }.to_path_buf()
}

/// The arguments that have cargo build into the folder that this program lies in.
#[must_use]
pub(crate) fn profile() -> &'static [&'static str] {
    let release = binaries().file_name().is_some_and(|name| name == "release");
    if release { &["--release"] } else { &[] }
}
