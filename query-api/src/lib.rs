//! The query API: views from Redis over HTTP. It cannot write.
//!
//! Promise: an answer shows documents as the projection stored them, byte for byte, or tells the past from a history that
//! it stored; never older than the consistency token that the question carries, and never to anybody but its owner and
//! admins.

mod answer;
mod app;
mod config;
mod consistency;
mod cursor;
mod described;
mod difference;
mod health;
mod listening;
mod metrics;
mod parameters;
mod routes;
mod terms;
mod visible;

use read_model::ReadModel;
use runtime::Process;
use sessions::Sessions;

pub use app::App;
pub use config::{Config, Peer};
pub use health::Peers;
pub use routes::{openapi, router};

/// The process could not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The read model cannot be used.
    #[error("cannot set up the read model")]
    ReadModel(#[from] read_model::Error),
    /// Tokens cannot be checked.
    #[error("cannot set up the check of tokens")]
    Sessions(#[from] sessions::Error),
    /// The other services cannot be asked for their health.
    #[error("cannot set up the HTTP client that asks the other services for their health")]
    Peers(#[from] reqwest::Error),
    /// The HTTP server ended.
    #[error("cannot serve HTTP")]
    Serve(#[from] runtime::Error),
}

/// Runs the query API until its shutdown is requested.
pub async fn run(config: Config, process: Process) -> Result<(), Error> {
    runtime::metrics::describe(metrics::METRICS);
    let model = ReadModel::connect(&config.redis, &process)?;
    let sessions = Sessions::connect(&config.sessions, &config.kafka, &process)?;
    let peers = Peers::new(config.health_peers, process.clone())?;
    let app = App::new(&model, sessions, peers, &config.limits, &process);
    runtime::http::serve(config.http_addr, router(app), &config.limits, &process).await?;
    Ok(())
}
