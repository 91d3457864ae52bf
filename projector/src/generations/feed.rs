//! Feeding one generation: a consumer group of its own, for as long as the generation lives, with one worker per
//! partition.

use std::convert::Infallible;
use std::time::Duration;

use bus::{Consumer, GroupConfig, Kafka};
use runtime::Process;
use tokio::time::{MissedTickBehavior, interval};
use views::{Projection, View};

use crate::positions::Positions;
use crate::worker::{Links, Worker};

/// How often it is looked whether somebody was erased.
const LOOK_FOR_PURGES: Duration = Duration::from_secs(1);

/// Feeds until the links' end is requested.
pub(super) fn start(projection: Projection, kafka: &Kafka, links: Links, process: &Process) -> Result<(), bus::Error> {
    if projection == Projection::Users {
        purge(&links, process);
    }
    views::with_view!(projection, V => project::<V>(kafka, links, process))
}

/// Joins the generation's group, and works on every partition that it is given.
fn project<V: View>(kafka: &Kafka, links: Links, process: &Process) -> Result<(), bus::Error> {
    let group = GroupConfig {
        group: links.target.group(),
        instance: process.instance.to_string(),
        topics: vec![V::PROJECTION.aggregate().topic().to_owned()],
    };
    let positions = Positions { read_model: links.read_model.clone(), target: links.target };
    let mut consumer = Consumer::start(kafka, group, positions)?;
    let tasks = process.tasks.clone();
    process.tasks.supervise("projection", async move {
        loop {
            // Leaving the group ends the feeds, and they end the workers.
            let feed = tokio::select! {
                () = links.shutdown.requested() => None,
                feed = consumer.next_partition() => feed,
            };
            let Some(feed) = feed else { return Ok::<(), Infallible>(()) };
            let worker = Worker::<V>::new(links.clone(), feed);
            tasks.supervise("projection-partition", async move {
                worker.run().await;
                Ok::<(), Infallible>(())
            });
        }
    });
    Ok(())
}

/// Once a second looks whether somebody was erased, and has Redis forget what its append-only file still tells.
fn purge(links: &Links, process: &Process) {
    let (read_model, target, shutdown) = (links.read_model.clone(), links.target, links.shutdown.clone());
    let mut time_to_look = interval(LOOK_FOR_PURGES);
    time_to_look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    process.tasks.spawn("purge", async move {
        let mut failing = false;
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                _ = time_to_look.tick() => {}
            }
            let purged = tokio::select! {
                () = shutdown.requested() => return,
                purged = read_model.purge(&target) => purged,
            };
            let failed_before = std::mem::replace(&mut failing, purged.is_err());
            match purged {
                Ok(true) => tracing::info!("Redis has written its append-only file anew, without what was erased"),
                Ok(false) => {}
                Err(_) if failed_before => {}
                Err(error) => tracing::warn!(
                    error = runtime::chain(&error),
                    "whether what was erased is still in the append-only file of Redis is not known; trying on",
                ),
            }
        }
    });
}
