//! Free loopback ports, claimed so that neither another test process nor an outgoing connection takes them.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use crate::Error;

// Below the range from which Linux gives ports to outgoing connections, so that a killed server finds its port free.
const FIRST: u16 = 14_000;
const LAST: u16 = 31_999;

/// A port that is ours for as long as this value lives, also while nothing listens on it.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _claim: File,
}

impl Port {
    /// Claims a free port.
    ///
    /// # Errors
    /// [`Error::NoPort`] when all are taken, [`Error::File`] when the claims' folder cannot be used.
    pub(crate) fn claim() -> Result<Self, Error> {
        let count = u64::from(LAST - FIRST);
        let start = RandomState::new().build_hasher().finish() % count;
        for step in 0..count {
            let offset = u16::try_from((start + step) % count).unwrap_or(0);
            if let Some(port) = Self::try_claim(FIRST + offset)? {
                return Ok(port);
            }
        }
        Err(Error::NoPort { first: FIRST, last: LAST })
    }

    /// Claims this very port, if nobody has it.
    ///
    /// # Errors
    /// [`Error::File`] when the claims' folder cannot be used.
    pub(crate) fn try_claim(number: u16) -> Result<Option<Self>, Error> {
        let folder = std::env::temp_dir().join("orderflow-ports");
        std::fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        let path = folder.join(number.to_string());
        // A file of another user cannot be opened: then the port is that user's.
        let Ok(claim) = File::options().create(true).truncate(false).write(true).open(path) else { return Ok(None) };
        let free = claim.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok();
        Ok(free.then_some(Self { number, _claim: claim }))
    }

    /// The number.
    #[must_use]
    pub(crate) const fn number(&self) -> u16 {
        self.number
    }
}
