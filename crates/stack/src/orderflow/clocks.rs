//! Wall clocks that a test can set while the processes that look at them run.
//!
//! A process of ours loads libfaketime, which adds to the time what a file of that process says. The monotonic clock, by
//! which timers and deadlines go, stays right: it does not jump on a real machine either.

use std::path::{Path, PathBuf};

use crate::program::Program;
use crate::{Error, install};

/// The variable that names a process's file.
const FILE: &str = "FAKETIME_TIMESTAMP_FILE";
/// For how many seconds a process remembers what its file says, besides the one in which it read it. To open it at every
/// look at the clock costs 40 us a look.
const REMEMBERED: u8 = 0;
/// Where libfaketime puts what a process shares with its children, and how it names that, before the process's id.
const SHARED: (&str, [&str; 2]) = ("/dev/shm", ["faketime_shm_", "sem.faketime_sem_"]);

/// Clocks of one system. What its processes leave behind when they are killed is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Clocks {
    library: PathBuf,
    folder: PathBuf,
}

impl Clocks {
    /// Installs libfaketime if need be; the files lie below this folder.
    pub(super) fn install(folder: &Path) -> Result<Self, Error> {
        let (library, folder) = (install::faketime()?, folder.join("clocks"));
        std::fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        sweep();
        Ok(Self { library, folder })
    }

    /// The same program with a clock of its own, which is right for now.
    pub(super) fn give_to(&self, program: Program) -> Result<Program, Error> {
        let file = self.folder.join(&program.name);
        write(&file, 0)?;
        Ok(program
            .env("LD_PRELOAD", self.library.display())
            .env(FILE, file.display())
            .env("FAKETIME_CACHE_DURATION", REMEMBERED)
            .env("FAKETIME_DONT_FAKE_MONOTONIC", 1)
            // A clock that is set does not date older files anew.
            .env("NO_FAKE_STAT", 1))
    }
}

impl Drop for Clocks {
    fn drop(&mut self) {
        sweep();
    }
}

/// Whether this program has a clock that can be set.
pub(super) fn can_be_set(program: &Program) -> bool {
    program.env.contains_key(FILE)
}

/// Sets a program's clock so many seconds ahead of the right time, or behind it.
pub(super) fn set(program: &Program, ahead: i64) -> Result<(), Error> {
    match program.env.get(FILE) {
        Some(file) => write(Path::new(file), ahead),
        None => Err(Error::FixedClock { name: program.name.clone() }),
    }
}

/// All at once: the process reads the file whenever it likes.
fn write(file: &Path, ahead: i64) -> Result<(), Error> {
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, format!("{ahead:+}\n")).map_err(Error::file("write", &fresh))?;
    std::fs::rename(&fresh, file).map_err(Error::file("rename", &fresh))
}

/// Removes what processes that are gone shared: a process that is killed cannot do so itself.
fn sweep() {
    let (folder, prefixes) = SHARED;
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _another_was_faster = std::fs::remove_file(entry.path());
        }
    }
}
