//! `ops steward`: a process that sees MongoDB, Kafka and Redis, and has published again what readers of the log miss.
//!
//! It heals gaps, finds tails that the log lost silently, and fills a topic that holds less than was published into it. It
//! also tells which documents do not show what their events come to.
//! It never writes a view: it puts marks on commits, and the relay and the projectors do the rest. Where the views show
//! more than MongoDB has, or something else, history has diverged: then it raises an alarm and does nothing more.
//!
//! Beside that it takes what operators do by HTTP (`crate::routes`): the same as the command line does, on its connections.
//!
//! Any number of stewards may run: a mark that is put twice is there once, and what was published twice is skipped.

mod alarm;
mod drift;
mod gaps;
mod history;
mod logs;
mod metrics;
mod tails;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bus::KafkaConfig;
use bus::inventory::Inventory;
use event_store::{EventStore, Outbox, Republisher};
use read_model::{ReadModel, RedisConfig};
use runtime::clock::Instant;
use runtime::http::HttpLimits;
use runtime::{Process, RuntimeConfig, Secret, Shutdown};
use sessions::{Sessions, SessionsConfig};

use crate::parked::Operator;
use crate::{Error, routes};
use alarm::Alarm;

/// Looks after the whole: heals gaps, reconciles the views with the committed events, fills lost topics.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "ops steward", version)]
pub struct Config {
    /// The word by which the operators' tool came here.
    #[arg(hide = true, value_parser = ["steward"])]
    pub word: Option<String>,
    /// What every process has.
    #[command(flatten)]
    pub runtime: RuntimeConfig,
    /// Where operators' actions are taken.
    #[arg(long, env = "HTTP_ADDR", default_value = "127.0.0.1:8084")]
    pub http_addr: SocketAddr,
    /// How much of that at once.
    #[command(flatten)]
    pub limits: HttpLimits,
    /// How tokens are checked.
    #[command(flatten)]
    pub sessions: SessionsConfig,
    /// Where the events are committed.
    #[arg(long, env = "MONGODB_URI")]
    pub mongodb_uri: Secret,
    /// Where they are published.
    #[command(flatten)]
    pub kafka: KafkaConfig,
    /// Where they are shown.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// How many seconds the steward rests between two looks at everything.
    #[arg(long, env = "STEWARD_REST_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub rest_seconds: u64,
}

impl runtime::Config for Config {
    fn runtime(&self) -> &RuntimeConfig {
        &self.runtime
    }

    fn check(&self, problems: &mut Vec<String>) {
        self.kafka.security.check(problems);
        self.sessions.check(problems);
        self.limits.check(problems);
    }
}

/// A look at everything rests this many times as long as it worked: whatever there is to look at, an idle system stays
/// idle, and a busy one is left alone.
const REST_SHARE: u32 = 100;
/// So many passes that fail in a row are worth a line for people.
const FAILS_OFTEN: u32 = 5;

/// What the steward's tasks share.
#[derive(Debug, Clone)]
struct Links {
    store: EventStore,
    republisher: Republisher,
    /// What waits to be published again.
    again: Outbox,
    read_model: ReadModel,
    inventory: Inventory,
    alarm: Alarm,
    shutdown: Shutdown,
    /// Between two looks at everything.
    rest: Duration,
}

/// How long to rest from a step of a look at everything that began then.
fn rest_from(begun: Instant) -> Duration {
    begun.elapsed().saturating_mul(REST_SHARE)
}

/// Runs until shutdown. Servers that are away are waited for, visibly.
pub(crate) async fn run(config: Config, process: Process) -> Result<(), Error> {
    runtime::metrics::describe(metrics::METRICS);
    metrics::LOST_LOGS.begin_at_zero(&[]);
    let logs = |source| Error::Logs { source };
    let store = event_store::Config::new(config.mongodb_uri.expose());
    let store = EventStore::connect(store, &process).await?;
    let read_model = ReadModel::connect(&config.redis, &process)?;
    let sessions = Sessions::connect(&config.sessions, &config.kafka, &process)?;
    let operator = Operator { read_model: read_model.clone(), store: store.clone() };
    let links = Links {
        republisher: store.republisher(),
        again: store.outbox().again(),
        store,
        read_model,
        inventory: Inventory::connect(&config.kafka).map_err(logs)?,
        alarm: Alarm::new(process.health.dependency("history")),
        shutdown: process.shutdown.clone(),
        rest: Duration::from_secs(config.rest_seconds),
    };
    process.tasks.supervise("gaps", gaps::heal(links.clone()));
    process.tasks.supervise("tails", tails::reconcile(links.clone()));
    process.tasks.supervise("logs", logs::look_after(links.clone()));
    process.tasks.supervise("history", history::compare(links.clone()));
    process.tasks.supervise("drift", drift::audit(links));
    let router = routes::router(routes::App { operator, sessions });
    runtime::http::serve(config.http_addr, router, &config.limits, &process).await?;
    Ok(())
}

impl Links {
    /// Repeats a pass until shutdown, with this pause before each. An error ends the pass and nothing else: the next one
    /// begins anew. Health tells which server is away; an error that comes again and again is written down once.
    async fn repeat<S>(
        &self,
        pause: Duration,
        mut state: S,
        pass: impl AsyncFn(&Self, &mut S) -> Result<(), Error>,
    ) -> Result<(), Infallible> {
        let mut failed = 0;
        while self.during(tokio::time::sleep(pause)).await.is_some() {
            match self.during(pass(self, &mut state)).await {
                Some(Ok(())) | None => failed = 0,
                Some(Err(error)) => {
                    failed += 1;
                    let (error, often) = (runtime::chain(&error), failed == FAILS_OFTEN);
                    if often {
                        tracing::warn!(
                            error,
                            "{failed} passes of the steward in a row were cut short; it goes on trying"
                        );
                    } else {
                        tracing::debug!(error, "a pass of the steward was cut short");
                    }
                }
            }
        }
        Ok(())
    }

    /// Waits, unless the process ends meanwhile: then there is no answer. What is dropped here is safe to drop.
    async fn during<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.shutdown.requested() => None,
            done = work => Some(done),
        }
    }
}
