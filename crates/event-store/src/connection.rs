//! The connection to MongoDB: one client, a bounded number of operations at a time, and a supervisor that knows whether
//! the server is there.
//!
//! No future of the driver is ever dropped half-way: every operation runs in a task of its own, and only the waiting
//! for it has a deadline.

mod supervise;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bson::RawDocumentBuf;
use mongodb::options::{ClientOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Collection, Database};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use crate::error::Cause;
use crate::{Config, Error};

pub(crate) use supervise::supervise;

/// Connections beyond those that [`Connection::run`] gives out: for accounts, and for the supervisor.
const SPARE_CONNECTIONS: u32 = 16;
const SELECTION_TIMEOUT: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// After this the server gives up waiting for a majority; our own deadline bites earlier.
const MAJORITY_TIMEOUT: Duration = Duration::from_secs(20);
const DEFAULT_DATABASE: &str = "orderflow";

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) database: Database,
    pub(crate) commits: Collection<RawDocumentBuf>,
    permits: Arc<Semaphore>,
    deadline: Duration,
    up: watch::Sender<bool>,
    check_now: Notify,
}

impl Connection {
    pub(crate) async fn new(config: &Config) -> Result<Self, Error> {
        let invalid = |error| Error::Config { source: Box::new(error) };
        let mut options = ClientOptions::parse(&config.uri).await.map_err(invalid)?;
        let durable = WriteConcern::builder().w(mongodb::options::Acknowledgment::Majority).journal(true);
        options.write_concern = Some(durable.w_timeout(MAJORITY_TIMEOUT).build());
        options.read_concern = Some(ReadConcern::majority());
        options.max_pool_size = Some(config.pool.saturating_add(SPARE_CONNECTIONS));
        options.server_selection_timeout = Some(SELECTION_TIMEOUT);
        options.connect_timeout = Some(CONNECT_TIMEOUT);
        options.app_name.get_or_insert_with(|| "orderflow".to_owned());
        let client = Client::with_options(options).map_err(invalid)?;
        let database = client.default_database().unwrap_or_else(|| client.database(DEFAULT_DATABASE));
        Ok(Self {
            commits: database.collection("commits"),
            database,
            client,
            permits: Arc::new(Semaphore::new(usize::try_from(config.pool).unwrap_or(usize::MAX))),
            deadline: config.deadline,
            up: watch::Sender::new(false),
            check_now: Notify::new(),
        })
    }

    /// The longest time that one operation may take.
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Fails when the server is known to be away, so that nobody queues in vain.
    pub(crate) fn check_up(&self) -> Result<(), Cause> {
        if *self.up.borrow() { Ok(()) } else { Err(Cause::Down) }
    }

    /// Completes once the server answers and the indexes exist.
    pub(crate) async fn wait_until_up(&self) {
        // The sender lives as long as we do, so the wait cannot fail.
        let _ = self.up.subscribe().wait_for(|up| *up).await;
    }

    /// Waits for the right to use one connection.
    pub(crate) async fn permit(&self) -> Result<OwnedSemaphorePermit, Cause> {
        self.check_up()?;
        let permit = timeout(self.deadline, Arc::clone(&self.permits).acquire_owned()).await;
        permit.ok().and_then(Result::ok).ok_or(Cause::NoConnection(self.deadline))
    }

    /// Runs an operation of the driver to its end, but waits at most the deadline for it. Dropping this future is
    /// harmless.
    pub(crate) async fn run<T, F>(&self, operation: F) -> Result<T, Cause>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, mongodb::error::Error>> + Send + 'static,
    {
        let permit = self.permit().await?;
        let task = runtime::tasks::spawn("mongodb", async move {
            let outcome = operation.await;
            drop(permit);
            outcome
        });
        let outcome = match timeout(self.deadline, task).await {
            Err(_elapsed) => Err(Cause::Silent(self.deadline)),
            Ok(Err(failed)) => Err(Cause::Task(failed)),
            Ok(Ok(outcome)) => outcome.map_err(Cause::from),
        };
        self.noticed(&outcome);
        outcome
    }

    /// An operation that shows an outage makes the following ones fail fast until the supervisor sees the server again.
    fn noticed<T>(&self, outcome: &Result<T, Cause>) {
        let Err(cause) = outcome else { return };
        if cause.is_outage() {
            self.up.send_replace(false);
        }
        self.check_now.notify_one();
    }
}
