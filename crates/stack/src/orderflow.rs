//! The whole system on one machine: the servers, our processes, the gateway. `./dev up` and the end-to-end tests start it
//! by the same code; only the folder and the lifetime differ.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;

use crate::process::{Lifetime, Process};
use crate::program::Program;
use crate::servers::READY_WITHIN;
use crate::{Error, testing};

mod admin;
mod clocks;
mod detours;
mod gateway;
mod keys;
mod ours;
mod ports;
mod servers;
mod state;

pub use admin::Admin;
pub(crate) use admin::{Session, log_in};
pub use ours::Shape;
pub use servers::{Addresses, Given, Traces};
pub(crate) use state::{Health, Status};

use clocks::Clocks;
use detours::Detours;
use ports::Ports;

/// How long a process may take to finish its work after SIGTERM.
const END_WITHIN: Duration = Duration::from_secs(30);

/// A running system. Dropping it ends a system of a test; one of `./dev` goes on.
#[derive(Debug)]
pub struct Orderflow {
    folder: PathBuf,
    lifetime: Lifetime,
    shape: Shape,
    ports: Ports,
    addresses: Addresses,
    detours: Detours,
    admin: Admin,
    log_filter: Option<String>,
    traces: Traces,
    processes: Vec<Process>,
    /// Dropped after the processes, of which it removes what they leave behind.
    clocks: Option<Clocks>,
}

impl Orderflow {
    /// Starts everything in a temporary folder on free ports, and returns when every process is ready. The binaries must
    /// have been built (`cargo build --workspace --bins`); `./dev test` does that.
    ///
    /// # Panics
    /// When something does not come up: the message says what, and shows the end of its log.
    pub async fn up(shape: Shape) -> Self {
        Self::up_traced(shape, Traces::default()).await
    }

    /// The same, where our processes are told this about traces.
    ///
    /// # Panics
    /// When something does not come up: the message says what, and shows the end of its log.
    pub async fn up_traced(shape: Shape, traces: Traces) -> Self {
        Self::of_a_test(shape).assembled(Given { traces, ..Given::default() }).await
    }

    /// The same for whoever disturbs it. Our processes go by detours to what they depend on: told a server's name and port,
    /// the function says to which port they go instead; everybody else goes straight. And each of them has a wall clock of
    /// its own, which [`Self::set_clock`] sets.
    ///
    /// # Panics
    /// When something does not come up: the message says what, and shows the end of its log.
    #[expect(clippy::panic, reason = "a test fails by panicking")]
    pub async fn up_exposed(shape: Shape, detour: impl Fn(&str, u16) -> u16) -> Self {
        let mut system = Self::of_a_test(shape);
        match system.expose(detour) {
            Ok(()) => system.assembled(Given::default()).await,
            Err(error) => panic!("{}", runtime::chain_in_lines(&error)),
        }
    }

    fn expose(&mut self, detour: impl Fn(&str, u16) -> u16) -> Result<(), Error> {
        self.clocks = Some(Clocks::install(&self.folder)?);
        self.detours = Detours::choose(&mut self.ports, detour)?;
        Ok(())
    }

    fn of_a_test(shape: Shape) -> Self {
        Self::new(testing::folder("orderflow"), Lifetime::WithUs, shape)
    }

    #[expect(clippy::panic, reason = "a test fails by panicking")]
    async fn assembled(mut self, given: Given) -> Self {
        match self.assemble(&given, &|_progress| ()).await {
            Ok(()) => self,
            Err(error) => panic!("{}", runtime::chain_in_lines(&error)),
        }
    }

    fn new(folder: PathBuf, lifetime: Lifetime, shape: Shape) -> Self {
        let (ports, addresses, admin) = (Ports::default(), Addresses::default(), Admin::default());
        Self {
            folder,
            lifetime,
            shape,
            ports,
            addresses,
            detours: Detours::default(),
            admin,
            log_filter: None,
            traces: Traces::default(),
            processes: Vec::new(),
            clocks: None,
        }
    }

    /// Starts whatever does not run yet, in this order: servers, topics and schemas, our processes, the gateway.
    pub(crate) async fn assemble(&mut self, given: &Given, say: &dyn Fn(&str)) -> Result<(), Error> {
        let servers = self.start_servers(given, say).await?;
        self.make_keys(given)?;
        say("creating topics, registering schemas");
        self.ops(&["topics", "apply", "--execute"])?;
        self.ops(&["schemas", "apply", "--execute"])?;
        self.log_filter.clone_from(&given.rust_log);
        self.traces.clone_from(&given.traces);
        let mut programs = self.our_programs()?;
        programs.push(self.gateway_program()?);
        let ours = programs.iter().map(|program| program.name.clone());
        let wanted: Vec<_> = servers.into_iter().chain(ours).collect();
        self.start_together(programs, say).await?;
        self.end_others(&wanted).await
    }

    /// Where clients go: `http://127.0.0.1:…`.
    #[must_use]
    pub fn gateway(&self) -> &str {
        &self.addresses.gateway
    }

    /// Where the servers are.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The first admin, who exists from the start.
    #[must_use]
    pub const fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Logs the first admin in and returns the access token.
    ///
    /// # Errors
    /// What the gateway answered instead.
    pub async fn admin_token(&self) -> Result<String, Error> {
        log_in(self.gateway(), &self.admin.email, &self.admin.password).await.map(|session| session.token)
    }

    /// The folder that holds data, logs, keys.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names of all processes: `mongodb`, `kafka`, `registry`, `redis`, `command-api`, `command-api-2`, …,
    /// `payment-sandbox`, `gateway`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.processes.iter().map(|process| process.program().name.as_str())
    }

    /// The root of a process's admin port: `<url>/readyz?verbose`, `<url>/metrics`.
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`].
    pub fn admin_url(&self, name: &str) -> Result<String, Error> {
        let port = self.ports.known(&ours::admin_port(name)).ok_or_else(|| self.no_such(name))?;
        Ok(format!("http://127.0.0.1:{port}"))
    }

    /// Where a process itself serves, past the gateway.
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`].
    pub fn url(&self, name: &str) -> Result<&str, Error> {
        self.process(name).map(|process| process.program().address.as_str())
    }

    /// A process's id while it runs.
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`].
    pub fn pid(&self, name: &str) -> Result<Option<u32>, Error> {
        Ok(self.process(name)?.identity().map(|identity| identity.pid))
    }

    /// A process's log file.
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`].
    pub fn log(&self, name: &str) -> Result<&Path, Error> {
        self.process(name).map(|process| process.program().log.as_path())
    }

    /// SIGKILL; returns when it is gone.
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`].
    pub async fn kill(&self, name: &str) -> Result<(), Error> {
        self.process(name)?.kill().await;
        Ok(())
    }

    /// SIGTERM; returns when it is gone.
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`].
    pub async fn stop(&self, name: &str) -> Result<(), Error> {
        self.process(name)?.terminate(END_WITHIN).await;
        Ok(())
    }

    /// Starts a process that does not run, on its old port and data, and returns when it is ready.
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`], or why it did not come up.
    pub async fn start(&self, name: &str) -> Result<(), Error> {
        self.start_only(name)?;
        self.process(name)?.ready(READY_WITHIN).await
    }

    /// The same with these settings besides its own, until it is started the next time.
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`], or why it did not come up.
    pub async fn start_with(&self, name: &str, settings: &[(&str, &str)]) -> Result<(), Error> {
        let process = self.process(name)?;
        let own = process.program().clone();
        process.start_as(&settings.iter().fold(own, |program, (name, value)| program.env(name, value)))?;
        process.ready(READY_WITHIN).await
    }

    /// Starts a process that does not run, and returns at once: for one that cannot become ready yet.
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`], or why it could not be started.
    pub fn start_only(&self, name: &str) -> Result<(), Error> {
        self.process(name)?.start_again()
    }

    /// Waits until a process is ready.
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`], or why it is not.
    pub async fn ready(&self, name: &str) -> Result<(), Error> {
        self.process(name)?.ready(READY_WITHIN).await
    }

    /// Sends a signal by its short name (`STOP` freezes a process, `CONT` lets it go on).
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`].
    pub fn signal(&self, name: &str, signal: &str) -> Result<(), Error> {
        self.process(name)?.signal(signal);
        Ok(())
    }

    /// The processes whose clocks can be set.
    pub fn clocks(&self) -> impl Iterator<Item = &str> {
        let programs = self.processes.iter().map(Process::program);
        programs.filter(|program| clocks::can_be_set(program)).map(|program| program.name.as_str())
    }

    /// Sets a process's wall clock so many seconds ahead of the right time, or behind it. It sees that within a second, and
    /// again whenever it is started.
    ///
    /// # Errors
    /// [`Error::NoSuchProcess`], or why its clock cannot be set.
    pub fn set_clock(&self, name: &str, ahead: i64) -> Result<(), Error> {
        clocks::set(self.process(name)?.program(), ahead)
    }

    fn process(&self, name: &str) -> Result<&Process, Error> {
        self.processes.iter().find(|process| process.program().name == name).ok_or_else(|| self.no_such(name))
    }

    fn no_such(&self, name: &str) -> Error {
        Error::NoSuchProcess { name: name.to_owned(), known: self.names().collect::<Vec<_>>().join(", ") }
    }

    /// Starts programs that do not run, then waits for all of them.
    async fn start_together(&mut self, programs: Vec<Program>, say: &dyn Fn(&str)) -> Result<(), Error> {
        let names: Vec<_> = programs.iter().map(|program| program.name.clone()).collect();
        for program in programs {
            self.launch(program).await?;
        }
        let ready = names.iter().map(async |name| {
            let started = runtime::clock::monotonic();
            self.ready(name).await?;
            say(&format!("{name} is ready after {:.1} s", started.elapsed().as_secs_f64()));
            Ok(())
        });
        join_all(ready).await.into_iter().collect()
    }

    /// Starts a program, unless it runs already as it should; remembers it either way.
    async fn launch(&mut self, program: Program) -> Result<(), Error> {
        let old = self.processes.iter().position(|process| process.program().name == program.name);
        if let Some(old) = old.map(|old| self.processes.remove(old)) {
            let as_it_should = *old.program() == program && !old.is_outdated();
            if as_it_should && old.identity().is_some() {
                self.processes.push(old);
                return Ok(());
            }
            old.terminate(END_WITHIN).await;
        }
        self.processes.push(Process::start(program, self.lifetime)?);
        self.save()
    }

    /// Ends what an earlier run started and this one does not want.
    async fn end_others(&mut self, wanted: &[String]) -> Result<(), Error> {
        let is_wanted = |process: &Process| wanted.contains(&process.program().name);
        let (kept, others) = std::mem::take(&mut self.processes).into_iter().partition(is_wanted);
        self.processes = kept;
        let others: Vec<Process> = others;
        join_all(others.iter().map(|process| process.terminate(END_WITHIN))).await;
        self.save()
    }
}
