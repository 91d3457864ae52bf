//! The sandbox: a server that speaks the part of Stripe's API that we use, and moves no money. What becomes of a payment
//! is scripted by its payment method, as with Stripe's test methods:
//!
//! | payment method | outcome |
//! |---|---|
//! | `pm_card_visa`, `pm_card_mastercard` | approved |
//! | `pm_card_chargeDeclined`, `pm_card_chargeDeclinedInsufficientFunds` | declined |
//! | `pm_orderflow_timeoutThenApproved` | approved, but the first answer does not come in time |
//! | `pm_orderflow_slow` | approved, after a while |
//! | `pm_orderflow_down` | 503 for a while, then approved |
//!
//! It honours idempotency keys, and keeps all that it did in a file, so that a kill loses nothing; `GET /sandbox/ledger`
//! shows it. It reaches out to nobody.

mod book;
mod entry;
mod routes;
mod script;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Parser;
use runtime::clock::Instant;
use runtime::http::HttpLimits;
use runtime::{Process, RuntimeConfig, Secret, Shutdown};

use book::Book;
pub use routes::router;

/// A payment provider for development and tests, which moves no money.
#[derive(Debug, Clone, Parser)]
#[command(name = "payment-sandbox", version)]
pub struct Config {
    /// What every process has.
    #[command(flatten)]
    pub runtime: RuntimeConfig,
    /// Where the provider's API is served.
    #[arg(long, env = "HTTP_ADDR", default_value = "127.0.0.1:12111")]
    pub http_addr: SocketAddr,
    /// The secret key that callers must show.
    #[arg(long, env = "PAYMENTS_SECRET_KEY")]
    pub payments_secret_key: Secret,
    /// The file that holds all that was done.
    #[arg(long, env = "SANDBOX_LEDGER", default_value = "payment-sandbox.jsonl")]
    pub sandbox_ledger: PathBuf,
    /// How many milliseconds a payment method that is slow, or down, takes.
    #[arg(long, env = "SANDBOX_DELAY_MS", default_value_t = 3_000)]
    pub sandbox_delay_ms: u64,
}

impl runtime::Config for Config {
    fn runtime(&self) -> &RuntimeConfig {
        &self.runtime
    }
}

/// The sandbox could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its file cannot be read or written.
    #[error("cannot use the ledger {path}")]
    Ledger {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The HTTP server ended.
    #[error("cannot serve HTTP")]
    Http(#[from] runtime::Error),
}

/// Runs the sandbox until its shutdown is requested.
pub async fn run(config: Config, process: Process) -> Result<(), Error> {
    let ready = process.health.dependency("ledger");
    let sandbox = Sandbox::open(&config, process.shutdown.clone())?;
    ready.up();
    tracing::info!("this is a sandbox: no money is moved");
    Ok(runtime::http::serve(config.http_addr, router(sandbox), &HttpLimits::default(), &process).await?)
}

/// The sandbox as its routes see it; clones share it.
#[derive(Debug, Clone)]
pub struct Sandbox {
    book: Arc<Mutex<Book>>,
    key: Secret,
    delay: Duration,
    /// Since when each key finds the provider down.
    outages: Arc<Mutex<BTreeMap<String, Instant>>>,
    shutdown: Shutdown,
}

impl Sandbox {
    /// A sandbox that goes on where its file ends.
    pub fn open(config: &Config, shutdown: Shutdown) -> Result<Self, Error> {
        let path = config.sandbox_ledger.clone();
        let book = Book::open(&path).map_err(|source| Error::Ledger { path, source })?;
        let delay = Duration::from_millis(config.sandbox_delay_ms);
        let (book, outages, key) = (Arc::new(Mutex::new(book)), Arc::default(), config.payments_secret_key.clone());
        Ok(Self { book, key, delay, outages, shutdown })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outages(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        self.outages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
