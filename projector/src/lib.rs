//! The projector: reads events from Kafka and folds them into the views in Redis.
//!
//! Each projection is a consumer group of its own with one worker per partition. The position in Redis, moved by the
//! same atomic call as the views, is the truth; Kafka's offsets are for lag tools.

mod board;
mod cache;
mod config;
mod error;
mod fold;
mod metrics;
mod positions;
mod read;
mod worker;

use std::convert::Infallible;
use std::time::Duration;

use bus::{Consumer, Decoder, GroupConfig, Kafka, Registry};
use read_model::{Generation, ReadModel, Sink, Target};
use runtime::Process;
use tokio::time::{MissedTickBehavior, interval};
use vault::Vault;
use views::{FulfilmentView, HistoryView, OrderView, PaymentView, ProductView, Projection, StockView, UserView, View};

pub use config::Config;
pub use error::{Error, Stop};
pub use metrics::METRICS;

use board::Board;
use positions::Positions;
use worker::{Links, Worker};

/// How often it is looked whether somebody was erased.
const LOOK_FOR_PURGES: Duration = Duration::from_secs(1);
/// How often it is stored which partitions are at the end of their logs.
const STAMP: Duration = Duration::from_secs(1);

/// Runs until shutdown. Servers that are away are waited for, visibly.
pub async fn run(config: Config, process: Process) -> Result<(), Error> {
    runtime::metrics::describe(METRICS);
    let events = |source| Error::Events { source };
    let kafka = Kafka::connect(&config.kafka, &process).map_err(events)?;
    let registry = Registry::connect(&config.kafka, &process).map_err(events)?;
    let read_model = ReadModel::connect(&config.redis, &process).map_err(|source| Error::Views { source })?;
    let shows_users = config.projections.contains(&Projection::Users);
    let vault = match shows_users {
        true => Some(Vault::connect(&config.vault, &process).await.map_err(|source| Error::Vault { source })?),
        false => None,
    };
    let mut boards = Vec::new();
    for projection in config.projections {
        let target = Target { projection: projection.name(), generation: Generation(config.generation) };
        let board = Board::new(target, process.health.dependency(health_name(projection)));
        boards.push(board.clone());
        let links = Links {
            read_model: read_model.clone(),
            decoder: Decoder::new(&registry),
            vault: vault.clone(),
            target,
            board,
            shutdown: process.shutdown.clone(),
        };
        start(projection, &kafka, links, &process).map_err(events)?;
    }
    stamp(&boards, &read_model, &process).await;
    Ok(())
}

fn start(projection: Projection, kafka: &Kafka, links: Links, process: &Process) -> Result<(), bus::Error> {
    match projection {
        Projection::Orders => project::<OrderView>(kafka, links, process),
        Projection::History => project::<HistoryView>(kafka, links, process),
        Projection::Products => project::<ProductView>(kafka, links, process),
        Projection::Stock => project::<StockView>(kafka, links, process),
        Projection::Payments => project::<PaymentView>(kafka, links, process),
        Projection::Fulfilment => project::<FulfilmentView>(kafka, links, process),
        Projection::Users => {
            purge(&links, process);
            project::<UserView>(kafka, links, process)
        }
    }
}

/// Joins the projection's group, and works on every partition that it is given.
fn project<V: View>(kafka: &Kafka, links: Links, process: &Process) -> Result<(), bus::Error> {
    let group = GroupConfig {
        group: group_name(&links.target),
        instance: process.instance.to_string(),
        topics: vec![V::PROJECTION.aggregate().topic().to_owned()],
    };
    let positions = Positions { read_model: links.read_model.clone(), target: links.target };
    let mut consumer = Consumer::start(kafka, group, positions)?;
    let tasks = process.tasks.clone();
    process.tasks.supervise("projection", async move {
        while let Some(feed) = consumer.next_partition().await {
            let worker = Worker::<V>::new(links.clone(), feed);
            tasks.supervise("projection-partition", async move {
                worker.run().await;
                Ok::<(), Infallible>(())
            });
        }
        Ok::<(), Infallible>(())
    });
    Ok(())
}

fn group_name(target: &Target) -> String {
    match target.generation {
        Generation(1) => format!("projector.{}", target.projection),
        Generation(number) => format!("projector.{}.g{number}", target.projection),
    }
}

const fn health_name(projection: Projection) -> &'static str {
    match projection {
        Projection::Orders => "projection-orders",
        Projection::History => "projection-history",
        Projection::Products => "projection-products",
        Projection::Stock => "projection-stock",
        Projection::Payments => "projection-payments",
        Projection::Fulfilment => "projection-fulfilment",
        Projection::Users => "projection-users",
    }
}

/// Once a second looks whether somebody was erased, and has Redis forget what its append-only file still tells.
fn purge(links: &Links, process: &Process) {
    let (read_model, target, shutdown) = (links.read_model.clone(), links.target, process.shutdown.clone());
    let mut time_to_look = interval(LOOK_FOR_PURGES);
    time_to_look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    process.tasks.spawn("purge", async move {
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                _ = time_to_look.tick() => {}
            }
            let purged = tokio::select! {
                () = shutdown.requested() => return,
                purged = read_model.purge(&target) => purged,
            };
            match purged {
                Ok(true) => tracing::info!("Redis has written its append-only file anew, without what was erased"),
                Ok(false) => {}
                Err(error) => tracing::debug!(
                    error = runtime::chain(&error),
                    "what was erased is still in the append-only file of Redis; trying again",
                ),
            }
        }
    });
}

/// Once a second stores which partitions were at the end of their logs, all in one round trip, and counts what is parked
/// in another.
async fn stamp(boards: &[Board], read_model: &ReadModel, process: &Process) {
    let mut time_to_stamp = interval(STAMP);
    time_to_stamp.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = process.shutdown.requested() => return,
            _ = time_to_stamp.tick() => {}
        }
        let stamps: Vec<_> = boards.iter().flat_map(Board::take_stamps).collect();
        if let Err(error) = read_model.stamp(&stamps).await {
            let error: &dyn std::error::Error = &error;
            tracing::debug!(error, "how fresh the projections are could not be stored");
        }
        let sinks: Vec<_> = boards.iter().map(|board| Sink::Views(board.target())).collect();
        if let Ok(parked) = read_model.count_parked(&sinks).await {
            boards.iter().zip(parked).for_each(|(board, parked)| board.parked(parked));
        }
    }
}
