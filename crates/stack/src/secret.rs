//! Secrets that are made once and kept in files that only their owner reads.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::Error;

/// That many random bytes in hexadecimal digits.
pub(crate) fn random(bytes: usize) -> Result<String, Error> {
    let mut random = vec![0; bytes];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| Error::NoRandomness)?;
    Ok(hex::encode(random))
}

/// The text of this file; made the first time.
pub(crate) fn kept(path: &Path, make: impl FnOnce() -> Result<String, Error>) -> Result<String, Error> {
    if !path.exists() {
        overwrite(path, &make()?)?;
    }
    std::fs::read_to_string(path).map_err(Error::file("read", path))
}

/// Writes a file that only its owner reads.
pub(crate) fn overwrite(path: &Path, text: &str) -> Result<(), Error> {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let mut file = file.map_err(Error::file("open", path))?;
    file.write_all(text.as_bytes()).map_err(Error::file("write", path))
}
