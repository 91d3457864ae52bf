//! The task that makes the connections, tries them once a second, and makes them anew.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError};
use runtime::backoff::Backoff;
use runtime::{Dependency, Shutdown};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::{CONNECT, Pair, State, too_late};
use crate::library;

/// How long a read may take.
const READ: Duration = Duration::from_secs(2);
/// How long a write may take: the append-only file is flushed before the answer.
const WRITE: Duration = Duration::from_secs(10);
/// How often an idle connection is tried, and how long that may take.
const PING: Duration = Duration::from_secs(1);
const PING_ANSWER: Duration = Duration::from_secs(2);
/// Requests that may queue for one connection before callers wait.
const QUEUE: usize = 1024;
/// The waits between attempts.
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(1);

pub(super) struct Keeper {
    pub(super) client: Client,
    pub(super) report: watch::Sender<State>,
    pub(super) count: watch::Sender<u64>,
    pub(super) doubt: Arc<Notify>,
    pub(super) health: Dependency,
}

impl Keeper {
    /// Runs until shutdown. The last connections stay usable after that.
    pub(super) async fn run(self, shutdown: Shutdown) {
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.keep() => {}
        }
        // Whoever still holds a receiver goes on with the last connections.
    }

    async fn keep(&self) {
        let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
        loop {
            match self.open().await {
                Ok(pair) => {
                    backoff.reset();
                    self.health.up();
                    self.report.send_replace(State::Up(pair.clone()));
                    self.count.send_modify(|made| *made += 1);
                    let error = self.until_broken(pair).await;
                    self.report.send_replace(State::Connecting);
                    self.health.down(error);
                }
                Err(error) => {
                    self.health.down(&error);
                    self.report.send_replace(State::Down(error));
                    backoff.wait().await;
                }
            }
        }
    }

    async fn open(&self) -> Result<Pair, RedisError> {
        let reads = self.connect(READ).await?;
        let mut writes = self.connect(WRITE).await?;
        library::ensure(&mut writes).await?;
        Ok(Pair { reads, writes })
    }

    async fn connect(&self, response: Duration) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(response))
            .set_pipeline_buffer_size(QUEUE);
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Tries the connections once a second, and as soon as a request failed on one.
    async fn until_broken(&self, mut pair: Pair) -> RedisError {
        loop {
            let _doubted_or_time_to_try = timeout(PING, self.doubt.notified()).await;
            for connection in [&mut pair.reads, &mut pair.writes] {
                let ping = redis::cmd("PING");
                let answer = timeout(PING_ANSWER, ping.query_async::<String>(connection)).await;
                if let Err(error) = answer.unwrap_or_else(|_| Err(too_late())) {
                    return error;
                }
            }
        }
    }
}
