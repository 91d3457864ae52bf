//! One running process: started with us or detached, killed, ended and started again.
//!
//! A process of a test ends when the test program ends, however it ends; a detached one outlives us and is found again by
//! its pid and its start time, so that a pid that was given to somebody else is never signalled.

use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::clock;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::Error;
use crate::error::Lead;
use crate::program::Program;

mod spawner;

/// How long a process may take to see that it is to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// How long a process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// No longer than the program that started it.
    WithUs,
    /// Until it is ended; `./dev up` starts these.
    Detached,
}

/// Which process it is: a pid alone may be used again by the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The process id.
    pub(crate) pid: u32,
    /// When it started, in clock ticks since boot.
    pub(crate) started: u64,
}

impl Identity {
    fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, started: Stat::of(pid)?.started })
    }

    /// Whether this very process still runs, or one of its threads, and with it its ports.
    #[must_use]
    pub(crate) fn is_alive(self) -> bool {
        Stat::of(self.pid).is_some_and(|stat| self.is_shown_by(stat))
    }

    const fn is_shown_by(self, stat: Stat) -> bool {
        !stat.is_over() && stat.started == self.started
    }

    fn signal(self, signal: &str) {
        if self.is_alive() {
            // The standard library signals children only.
            let script = format!("kill -{signal} {}", self.pid);
            let _gone_already = Command::new("sh").args(["-c", &script]).stderr(std::process::Stdio::null()).status();
        }
        let sent = clock::monotonic();
        // A process that is to stop goes on until one of its threads has seen the signal, which a busy machine delays.
        while signal == "STOP" && self.is_running() && sent.elapsed() < STOPS_WITHIN {
            std::thread::yield_now();
        }
    }

    /// Whether it is alive and not stopped.
    fn is_running(self) -> bool {
        Stat::of(self.pid).is_some_and(|stat| self.is_shown_by(stat) && stat.state != 'T')
    }
}

/// A program and, while it runs, its process.
#[derive(Debug)]
pub(crate) struct Process {
    program: Program,
    lifetime: Lifetime,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    identity: Identity,
    child: Option<Child>,
    since: Instant,
}

impl Process {
    /// Starts it; does not wait until it is ready.
    ///
    /// # Errors
    /// [`Error::Spawn`] or [`Error::File`].
    pub(crate) fn start(program: Program, lifetime: Lifetime) -> Result<Self, Error> {
        let process = Self { program, lifetime, running: Mutex::default() };
        process.start_again()?;
        Ok(process)
    }

    /// A detached process that an earlier run started.
    #[must_use]
    pub(crate) fn adopt(program: Program, identity: Option<Identity>) -> Self {
        let running = identity.filter(|identity| identity.is_alive());
        let running = running.map(|identity| Running { identity, child: None, since: clock::monotonic() });
        Self { program, lifetime: Lifetime::Detached, running: Mutex::new(running) }
    }

    /// What it runs.
    #[must_use]
    pub(crate) const fn program(&self) -> &Program {
        &self.program
    }

    /// Which process it is now, if it runs.
    #[must_use]
    pub(crate) fn identity(&self) -> Option<Identity> {
        let mut running = self.running();
        let ended = running.as_mut().is_some_and(Running::ended);
        running.as_ref().filter(|_| !ended).map(|running| running.identity)
    }

    /// Whether its program was built anew since it started.
    pub(crate) fn is_outdated(&self) -> bool {
        let Some(Identity { pid, .. }) = self.identity() else { return false };
        let program = std::fs::read_link(Path::new("/proc").join(pid.to_string()).join("exe"));
        // Linux says so of a file that was replaced.
        program.is_ok_and(|program| program.to_string_lossy().ends_with(" (deleted)"))
    }

    /// Starts it again if it does not run; does not wait until it is ready.
    ///
    /// # Errors
    /// [`Error::Spawn`] or [`Error::File`].
    pub(crate) fn start_again(&self) -> Result<(), Error> {
        self.start_as(&self.program)
    }

    /// The same as another program, which is forgotten when it ends.
    ///
    /// # Errors
    /// [`Error::Spawn`] or [`Error::File`].
    pub(crate) fn start_as(&self, program: &Program) -> Result<(), Error> {
        if self.identity().is_some() {
            return Ok(());
        }
        let child = spawner::spawn(program, self.lifetime)?;
        let pid = child.id();
        let identity = Identity::of(pid).unwrap_or(Identity { pid, started: 0 });
        *self.running() = Some(Running { identity, child: Some(child), since: clock::monotonic() });
        Ok(())
    }

    /// SIGKILL; returns when it is gone.
    pub(crate) async fn kill(&self) {
        self.end("KILL", Duration::from_secs(30)).await;
    }

    /// SIGTERM, and SIGKILL when it is still there after `patience`; returns when it is gone.
    pub(crate) async fn terminate(&self, patience: Duration) {
        if !self.end("TERM", patience).await {
            self.kill().await;
        }
    }

    /// Sends a signal by its short name, if it runs.
    pub(crate) fn signal(&self, signal: &str) {
        if let Some(identity) = self.identity() {
            identity.signal(signal);
        }
    }

    /// Waits until its probe succeeds.
    ///
    /// # Errors
    /// [`Error::Ended`] as soon as the process is gone, [`Error::NotReady`] after the deadline.
    pub(crate) async fn ready(&self, deadline: Duration) -> Result<(), Error> {
        let mut reason = "not asked yet".to_owned();
        let asked = async {
            loop {
                match self.program.probe.check().await {
                    Ok(()) => return Ok(()),
                    Err(unready) => reason = unready.to_string(),
                }
                if let Some(error) = self.ended() {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        match tokio::time::timeout(deadline, asked).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(self.not_ready(reason)),
        }
    }

    fn not_ready(&self, reason: String) -> Error {
        let name = self.program.name.clone();
        let seconds = self.running().as_ref().map_or(0.0, |running| running.since.elapsed().as_secs_f64());
        Error::NotReady { name, seconds, reason, lead: self.lead() }
    }

    fn ended(&self) -> Option<Error> {
        let mut running = self.running();
        let running = running.as_mut().filter(|running| !running.identity.is_alive())?;
        let status = running.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        let status = status.map_or_else(|| "status unknown".to_owned(), |status| status.to_string());
        let name = self.program.name.clone();
        let seconds = running.since.elapsed().as_secs_f64();
        Some(Error::Ended { name, seconds, status, lead: self.lead() })
    }

    fn lead(&self) -> Box<Lead> {
        let Program { log, .. } = &self.program;
        Box::new(Lead { log: log.clone(), tail: self.program.log_tail(), hint: self.hint() })
    }

    fn hint(&self) -> String {
        match self.lifetime {
            Lifetime::WithUs => format!("less {}", self.program.log.display()),
            Lifetime::Detached => format!("./dev logs {}", self.program.name),
        }
    }

    /// Signals and waits; whether it is gone.
    async fn end(&self, signal: &str, patience: Duration) -> bool {
        let Some(identity) = self.identity() else { return true };
        identity.signal(signal);
        let gone = async {
            while self.identity().is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(patience, gone).await.is_ok()
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// Whether it has ended; a child is reaped on the way.
    fn ended(&mut self) -> bool {
        match &mut self.child {
            // Not before all of its threads are gone, and with them its ports.
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => !self.identity.is_alive(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.lifetime == Lifetime::WithUs
            && let Some(child) = self.running().as_mut().and_then(|running| running.child.as_mut())
        {
            let _gone_already = child.kill();
            let _status = child.wait();
        }
    }
}

/// What the system says of a process.
#[derive(Debug, Clone, Copy)]
struct Stat {
    state: char,
    threads: u32,
    started: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let text = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
        // The second field is the program's name in brackets and may hold anything; the third is the state, the 20th the
        // number of threads, the 22nd the start time.
        let mut fields = text.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?.chars().next()?;
        Some(Self { state, threads: fields.nth(16)?.parse().ok()?, started: fields.nth(1)?.parse().ok()? })
    }

    /// A process whose first thread has ended is a zombie already while the others still end.
    const fn is_over(self) -> bool {
        matches!(self.state, 'Z' | 'X') && self.threads <= 1
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::process::Stdio;

    use super::{Command, Identity, Stat};

    /// Its first thread ends at once, the other one when its standard input does.
    const HALF_ENDED: &str = "import ctypes, sys, threading
threading.Thread(target=sys.stdin.read).start()
ctypes.CDLL(None).pthread_exit(None)";

    #[test]
    fn a_process_is_alive_until_its_last_thread_has_ended() -> io::Result<()> {
        let mut child = Command::new("python3").args(["-c", HALF_ENDED]).stdin(Stdio::piped()).spawn()?;
        let identity = Identity::of(child.id()).ok_or(io::ErrorKind::NotFound)?;
        while Stat::of(child.id()).is_some_and(|stat| stat.state != 'Z') {
            std::thread::yield_now();
        }
        assert!(identity.is_alive(), "its other thread still waits");
        drop(child.stdin.take());
        assert!(child.wait()?.success());
        assert!(!identity.is_alive());
        Ok(())
    }
}
