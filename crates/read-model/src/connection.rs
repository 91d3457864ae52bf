//! The connections to Redis and the task that keeps them: one for reads, one for writes (the subscription to notices
//! is a third, made by its own task).
//!
//! A connection is handed out only after the Function libraries are known to be there. While Redis is away requests
//! fail at once; while a lost connection is made anew for the first time they wait for it, shortly.

mod keeper;

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::io::tcp::TcpSettings;
use redis::{Client, Cmd, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError};
use runtime::{Process, Secret};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use keeper::Keeper;

use crate::Error;
use crate::error::{is_broken_connection, is_missing_function};
use crate::library;

/// How long making a connection may take, and how long a request waits for one that is being made.
const CONNECT: Duration = Duration::from_secs(1);

/// Where Redis is.
#[derive(Debug, Clone, clap::Args)]
pub struct RedisConfig {
    /// The Redis server of the views and feeds; may hold a password.
    #[arg(long, env = "REDIS_URL", default_value = "redis://127.0.0.1:6379")]
    pub redis_url: Secret,
}

/// The connections; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    client: Client,
    state: watch::Receiver<State>,
    made: watch::Receiver<u64>,
    doubt: Arc<Notify>,
}

#[derive(Debug, Clone)]
enum State {
    /// The first attempt, or the first one after a loss, is under way.
    Connecting,
    Up(Pair),
    Down(RedisError),
}

#[derive(Debug, Clone)]
struct Pair {
    reads: MultiplexedConnection,
    writes: MultiplexedConnection,
}

impl Connections {
    /// Starts keeping connections; does not wait for them.
    pub(crate) fn start(config: &RedisConfig, process: &Process) -> Result<Self, Error> {
        let info = config.redis_url.expose().into_connection_info().map_err(|source| Error::Url { source })?;
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = Client::open(info).map_err(|source| Error::Url { source })?;
        let (report, state) = watch::channel(State::Connecting);
        let (count, made) = watch::channel(0);
        let doubt: Arc<Notify> = Arc::default();
        let keeper = Keeper {
            client: client.clone(),
            report,
            count,
            doubt: Arc::clone(&doubt),
            health: process.health.dependency("redis"),
        };
        process.tasks.spawn("redis-connections", keeper.run(process.shutdown.clone()));
        Ok(Self { client, state, made, doubt })
    }

    /// How many times connections were made; changes whenever Redis may have been restarted.
    pub(crate) fn made(&self) -> watch::Receiver<u64> {
        self.made.clone()
    }

    /// Runs one command of a read.
    pub(crate) async fn read<T: FromRedisValue>(&self, doing: &'static str, command: &Cmd) -> Result<T, Error> {
        let mut connection = self.one(doing, |pair| &pair.reads).await?;
        self.judge(doing, command.query_async(&mut connection).await)
    }

    /// Runs several commands of a read, in one round trip.
    pub(crate) async fn read_all<T: FromRedisValue>(
        &self,
        doing: &'static str,
        commands: &Pipeline,
    ) -> Result<T, Error> {
        let mut connection = self.one(doing, |pair| &pair.reads).await?;
        self.judge(doing, commands.query_async(&mut connection).await)
    }

    /// Runs several commands of a write, in one round trip. They must be safe to repeat.
    pub(crate) async fn write_all<T: FromRedisValue>(
        &self,
        doing: &'static str,
        commands: &Pipeline,
    ) -> Result<T, Error> {
        let mut connection = self.one(doing, |pair| &pair.writes).await?;
        self.judge(doing, commands.query_async(&mut connection).await)
    }

    /// Calls a Function that writes, or runs one other command of a write.
    pub(crate) async fn call<T: FromRedisValue>(&self, doing: &'static str, call: &Cmd) -> Result<T, Error> {
        let connection = self.one(doing, |pair| &pair.writes).await?;
        self.call_on(doing, connection, call).await
    }

    /// Calls a Function that only reads.
    pub(crate) async fn call_read<T: FromRedisValue>(&self, doing: &'static str, call: &Cmd) -> Result<T, Error> {
        let connection = self.one(doing, |pair| &pair.reads).await?;
        self.call_on(doing, connection, call).await
    }

    /// A missing Function executed nothing, so it is loaded and called once more.
    async fn call_on<T: FromRedisValue>(
        &self,
        doing: &'static str,
        mut connection: MultiplexedConnection,
        command: &Cmd,
    ) -> Result<T, Error> {
        let mut result = command.query_async(&mut connection).await;
        if result.as_ref().is_err_and(is_missing_function) {
            tracing::warn!("Redis has lost our Function libraries; loading them again");
            result = match library::ensure(&mut connection).await {
                Ok(()) => command.query_async(&mut connection).await,
                Err(error) => Err(error),
            };
        }
        self.judge(doing, result)
    }

    /// A new connection for subscriptions.
    pub(crate) async fn subscriber(&self) -> Result<PubSub, RedisError> {
        timeout(CONNECT, self.client.get_async_pubsub()).await.unwrap_or_else(|_| Err(too_late()))
    }

    /// One of the two, once they are there.
    async fn one(
        &self,
        doing: &'static str,
        of: fn(&Pair) -> &MultiplexedConnection,
    ) -> Result<MultiplexedConnection, Error> {
        if let State::Up(pair) = &*self.state.borrow() {
            return Ok(of(pair).clone());
        }
        let mut state = self.state.clone();
        let settled = timeout(CONNECT, state.wait_for(|state| !matches!(state, State::Connecting))).await;
        let source = match settled.as_ref().map(|state| state.as_deref()) {
            Ok(Ok(State::Up(pair))) => return Ok(of(pair).clone()),
            Ok(Ok(State::Down(error))) => error.clone(),
            Ok(Ok(State::Connecting) | Err(_)) | Err(_) => too_late(),
        };
        Err(Error::Unavailable { doing, source })
    }

    fn judge<T>(&self, doing: &'static str, result: Result<T, RedisError>) -> Result<T, Error> {
        result.map_err(|error| {
            if is_broken_connection(&error) {
                self.doubt.notify_one();
            }
            Error::of(doing, error)
        })
    }
}

fn too_late() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
