//! The connection to the database of keys, and a watch that tells whether it is there.

use std::future::Future;
use std::time::Duration;

use mongodb::options::{Acknowledgment, ClientOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Database};
use runtime::backoff::Backoff;
use runtime::{Dependency, Shutdown, tasks};

use crate::Error;

/// How long one operation may take.
const PATIENCE: Duration = Duration::from_secs(5);
const SELECTION_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a database that answers is asked whether it still does.
const LOOK: Duration = Duration::from_secs(5);
const POOL: u32 = 16;
const DEFAULT_DATABASE: &str = "vault";

/// The database of keys. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) database: Database,
}

impl Connection {
    /// Succeeds also while the server is away. What is written is on a majority's disks before it is answered.
    pub(crate) async fn new(uri: &str) -> Result<Self, Error> {
        let invalid = |error| Error::Uri { source: Box::new(error) };
        let mut options = ClientOptions::parse(uri).await.map_err(invalid)?;
        options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
        options.read_concern = Some(ReadConcern::majority());
        options.max_pool_size = Some(POOL);
        options.server_selection_timeout = Some(SELECTION_TIMEOUT);
        options.connect_timeout = Some(SELECTION_TIMEOUT);
        options.app_name.get_or_insert_with(|| "orderflow-vault".to_owned());
        let client = Client::with_options(options).map_err(invalid)?;
        let database = client.default_database().unwrap_or_else(|| client.database(DEFAULT_DATABASE));
        Ok(Self { client, database })
    }

    /// Runs an operation of the driver to its end, in a task of its own, but waits for it no longer than [`PATIENCE`].
    pub(crate) async fn run<T, F>(&self, doing: &'static str, operation: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, mongodb::error::Error>> + Send + 'static,
    {
        match tokio::time::timeout(PATIENCE, tasks::spawn("vault", operation)).await {
            Ok(Ok(outcome)) => outcome.map_err(|error| Error::Unavailable { doing, source: Some(Box::new(error)) }),
            Ok(Err(died)) => Err(Error::Died(died)),
            Err(_elapsed) => Err(Error::Unavailable { doing, source: None }),
        }
    }

    /// Reports whether the database answers, until shutdown.
    pub(crate) async fn watch(self, health: Dependency, shutdown: Shutdown) {
        let mut backoff = Backoff::default();
        while !shutdown.is_requested() {
            let database = self.database.clone();
            let answer = self.run("answer", async move { database.run_command(bson::doc! { "ping": 1 }).await });
            let wait = match answer.await {
                Ok(_pong) => {
                    health.up();
                    backoff.reset();
                    LOOK
                }
                Err(error) => {
                    health.down(runtime::chain(&error));
                    backoff.next()
                }
            };
            tokio::select! {
                () = shutdown.requested() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}
