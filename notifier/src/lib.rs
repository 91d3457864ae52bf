//! The notifier: feeds every owner what happens to his or her orders, and tells it over WebSocket and server-sent
//! events. In the same way it shows the catalogue to everybody, and to admins what happens in the shop.
//!
//! Promise: a feed brings every change in order and without duplicates, or says that it must be reloaded. The other
//! audiences are told newest states alone, of which none is older than the one before. Any instance serves any user.

mod app;
mod audience;
mod boards;
mod config;
mod connection;
mod entry;
mod error;
mod feeding;
mod frames;
mod hub;
mod metrics;
pub mod protocol;
mod routes;
mod screens;
mod states;
mod tickets;

use bus::{Decoder, Kafka, Registry};
use read_model::ReadModel;
use runtime::Process;
use sessions::Sessions;

pub use app::App;
pub use config::{Config, Terms};
pub use error::Error;
pub use metrics::METRICS;
pub use routes::{openapi, router};

/// Runs the notifier until its shutdown is requested. Servers that are away are waited for, visibly.
pub async fn run(config: Config, process: Process) -> Result<(), Error> {
    runtime::metrics::describe(METRICS);
    let kafka = Kafka::connect(&config.kafka, &process).map_err(Error::Events)?;
    let registry = Registry::connect(&config.kafka, &process).map_err(Error::Events)?;
    let read_model = ReadModel::connect(&config.redis, &process)?;
    let sessions = Sessions::start(&config.sessions, &kafka, &registry, &process).map_err(Error::Sessions)?;
    feeding::start(&kafka, &Decoder::new(&registry), &read_model, &process)?;
    let app = App::new(config.terms, read_model, sessions, &process);
    Ok(runtime::http::serve(config.http_addr, router(app), &config.limits, &process).await?)
}
