//! From `main` to the exit code: configuration, logs, metrics, signals, the admin port, the process itself, its end.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Duration;

use futures::FutureExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{self, Config};
use crate::error::chain;
use crate::process::SETUP;
use crate::trace::Exporter;
use crate::{Error, Process, admin, clock, logs, metrics, tasks};

/// How long a process may take from the request to end until it has ended.
const END_WITHIN: Duration = Duration::from_secs(25);

/// Runs a process: reads its configuration (all mistakes together on standard error, exit 64), sets up logs, metrics,
/// signals and the admin port, runs `run`, then waits for its tasks. Exit 0 = ended as asked, 1 = failed.
///
/// `run` must return soon after the shutdown is requested; 25 s later the process ends regardless, with 1.
/// SIGTERM and SIGINT request the shutdown; a second one ends the process at once.
pub fn start<C, F, Fut, E>(name: &'static str, run: F) -> ExitCode
where
    C: Config,
    F: FnOnce(C, Process) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: std::error::Error,
{
    let config: C = match config::from_environment() {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    logs::install(config.runtime());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime.map_err(|source| Error::Threads { source }) {
        Ok(runtime) => {
            let outcome = runtime.block_on(hosted(name, config, run));
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!(error = chain(&error), "{name} cannot start");
            ExitCode::FAILURE
        }
    }
}

/// Everything around `run` that needs the asynchronous runtime; true = ended as asked.
async fn hosted<C, F, Fut, E>(name: &'static str, config: C, run: F) -> Result<bool, Error>
where
    C: Config,
    F: FnOnce(C, Process) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: std::error::Error,
{
    let process = Process::new(name, config.runtime().instance.as_deref());
    let _down_until_set_up = process.health.dependency(SETUP);
    let address = config.runtime().admin_addr;
    let recorder = metrics::install()?;
    let exporter = Exporter::start(&config.runtime().traces, &process)?;
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Bind { address, source })?;
    let signals = Signals::listen()?;
    let admin = admin::router(process.clone(), recorder.clone());
    let around = [
        tasks::spawn("admin", async { drop(axum::serve(listener, admin).await) }),
        tasks::spawn("metrics", admin::upkeep(recorder)),
        tasks::spawn("signals", signals.obey(process.clone())),
    ];
    tracing::info!(admin.address = %address, instance = &*process.instance, "{name} starts");
    let ended = supervised(&process, run(config, process.clone())).await;
    if let Some(exporter) = exporter {
        exporter.finish().await;
    }
    for task in around {
        task.abort();
    }
    tracing::info!("{name} ends");
    Ok(ended)
}

/// Runs the process to its end and its tasks after it, within the deadline; true = nothing failed.
async fn supervised<E: std::error::Error>(process: &Process, run: impl Future<Output = Result<(), E>>) -> bool {
    let overdue = async {
        process.shutdown.requested().await;
        let deadline = clock::monotonic() + END_WITHIN;
        tokio::time::sleep_until(deadline).await;
    };
    let returned = async {
        match AssertUnwindSafe(run).catch_unwind().await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::error!(error = chain(&error), "{} failed", process.name);
                false
            }
            Err(_panic) => false,
        }
    };
    let whole = async {
        let returned = returned.await;
        process.shutdown.request();
        process.tasks.finish(END_WITHIN).await && returned
    };
    tokio::select! {
        ended = whole => ended && !process.tasks.failed(),
        () = overdue => {
            tracing::error!("{} did not end within {END_WITHIN:?}", process.name);
            false
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(|source| Error::Signals { source });
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// The first signal requests the shutdown, the second ends the process at once.
    async fn obey(mut self, process: Process) {
        let first = self.next().await;
        tracing::info!(signal = first, "{first}: ending; a second signal ends at once");
        process.shutdown.request();
        let second = self.next().await;
        tracing::warn!(signal = second, "{second} again: ended at once");
        std::process::exit(1);
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
