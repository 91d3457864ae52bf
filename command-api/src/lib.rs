//! The command API: takes commands over HTTP, decides them, commits their events to MongoDB, and relays what was
//! committed to Kafka. Roles can run alone: `http` takes commands, `relay` publishes, `fulfilment` carries orders out.
//!
//! Promise: an acknowledged command is durable, and its events reach Kafka at least once, in order per stream.

mod aggregates;
mod app;
mod caller;
mod cashier;
mod catalogue;
mod erasure;
mod fulfilment;
mod group;
mod headers;
mod intent;
mod log_in;
mod password;
mod personal;
mod profile;
mod refusal;
mod registration;
mod reply;
mod routes;
mod shape;
mod signing;
mod spanning;
mod standing;
mod streams;

pub mod config;
pub mod metrics;

use bus::{Decoder, Kafka, Producer, Registry, StartFrom, Tail};
use event_store::EventStore;
use runtime::{Process, Shutdown};
use schemas::Aggregate;
use sessions::{Revocation, Sessions};
use tokio::sync::broadcast::error::RecvError;
use vault::Vault;

use app::Workers;

pub use app::App;
pub use config::Config;
use config::Role;
pub use intent::Intent;
pub use routes::{openapi, router};
pub use sessions::signer::KeyError;
pub use streams::{Creates, Done, Rejected, Store, Stream, Streams};

/// The process could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A library of ours could not be set up.
    #[error("cannot set up the event store")]
    Store(#[from] event_store::Error),
    /// Kafka's clients could not be set up.
    #[error("cannot set up the Kafka client")]
    Bus(#[from] bus::Error),
    /// Tokens could not be checked.
    #[error("cannot set up the check of tokens")]
    Sessions(#[from] sessions::Error),
    /// Tokens could not be signed.
    #[error("cannot set up the signing of tokens")]
    Key(#[from] KeyError),
    /// The payment provider could not be spoken to.
    #[error("cannot set up the payment provider's client")]
    Payments(#[from] payments::Error),
    /// Personal data could not be sealed.
    #[error("cannot set up the vault")]
    Vault(#[from] vault::Error),
    /// Passwords could not be checked.
    #[error("cannot set up the accounts")]
    Accounts(#[from] accounts::Error),
    /// The HTTP server ended.
    #[error("cannot serve HTTP")]
    Http(#[from] runtime::Error),
    /// The first admin is not a possible user.
    #[error("cannot use BOOTSTRAP_ADMIN_EMAIL and BOOTSTRAP_ADMIN_PASSWORD")]
    FirstAdmin(#[from] accounts::Invalid),
}

/// Runs the command API until its shutdown is requested.
pub async fn run(config: Config, process: Process) -> Result<(), Error> {
    runtime::metrics::describe(metrics::ALL);
    metrics::begin();
    let relays = config.roles.contains(&Role::Relay);
    if config.roles.contains(&Role::Http) {
        registration::wait_for_first_admin(&config, &process)?;
    }
    let store = event_store::Config::new(config.mongodb_uri.expose());
    let store = EventStore::connect(event_store::Config { announce: !relays, ..store }, &process).await?;
    let kafka = Kafka::connect(&config.kafka, &process)?;
    let registry = Registry::connect(&config.kafka, &process)?;
    if relays {
        let live = Producer::connect(&kafka, &registry)?;
        let logs = relay::Logs { again: live.beside(), live };
        let relay = relay::run(relay::Config::default(), store.outbox(), logs, process.clone());
        process.tasks.supervise("relay", relay);
    }
    let workers = Workers::new(&config, &store)?;
    if config.roles.contains(&Role::Fulfilment) {
        let decoder = Decoder::new(&registry);
        workers.cashier.start(&kafka, &decoder, &process)?;
        workers.fulfilments.start(&kafka, &decoder, &process)?;
    }
    if config.roles.contains(&Role::Http) {
        return serve(&config, store, workers, &Events { kafka, registry }, &process).await;
    }
    process.set_up();
    process.shutdown.requested().await;
    Ok(())
}

/// Where events are read.
struct Events {
    kafka: Kafka,
    registry: Registry,
}

async fn serve(
    config: &Config,
    store: EventStore,
    workers: Workers,
    events: &Events,
    process: &Process,
) -> Result<(), Error> {
    let sessions = Sessions::start(&config.sessions, &events.kafka, &events.registry, process)?;
    let app = Box::pin(App::beside(workers, config, store, sessions, process)).await?;
    let products = Tail::start(&events.kafka, Aggregate::Product.topic(), StartFrom::Beginning)?;
    let decoder = Decoder::new(&events.registry);
    process.tasks.spawn("catalogue", app.catalogue.clone().follow(products, decoder));
    process.tasks.spawn("vault-forgets", forget(app.vault.clone(), app.sessions.clone(), process.shutdown.clone()));
    if let Some(admin) = registration::first_admin(config)? {
        process.tasks.spawn("first-admin", app.clone().ensure_first_admin(admin, process.clone()));
    }
    Ok(runtime::http::serve(config.http_addr, router(app), &config.limits, process).await?)
}

/// Forgets the keys of users who were erased by another process.
async fn forget(vault: Vault, sessions: Sessions, shutdown: Shutdown) {
    let mut revocations = sessions.revocations();
    loop {
        let heard = tokio::select! {
            heard = revocations.recv() => heard,
            () = shutdown.requested() => return,
        };
        match heard {
            Ok(Revocation::Below { user, .. }) => vault.forget(&user),
            // What was missed is forgotten a little later by itself.
            Ok(Revocation::Session { .. }) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}
