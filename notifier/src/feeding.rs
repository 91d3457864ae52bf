//! From Kafka to the owners' feeds: one worker per partition of the consumer group `notifier`.
//!
//! Whatever goes wrong has one way out: ask Redis for the position and read on from there. The call that appends
//! recognises what it has seen, so nothing enters a feed twice and nothing is skipped.

mod troubles;
mod worker;

use std::convert::Infallible;
use std::time::Duration;

use bus::{Consumer, ConsumerGroup, Decoder, Kafka};
use read_model::{ReadModel, Source};
use runtime::{Process, clock};
use schemas::Position;
use tokio::time::interval;

use crate::Error;
use troubles::Troubles;
use worker::Worker;

/// How often it is looked how far the feeds are behind.
const LOOK: Duration = Duration::from_secs(1);

/// Joins the group and feeds until the process ends.
pub(crate) fn start(kafka: &Kafka, decoder: &Decoder, read_model: &ReadModel, process: &Process) -> Result<(), Error> {
    let group = ConsumerGroup::NOTIFIER.joined_as(&process.instance);
    let troubles = Troubles::new(process.health.dependency("feeds"));
    let mut consumer = Consumer::start(kafka, group, Positions(read_model.clone())).map_err(Error::Events)?;
    let (process, decoder, read_model) = (process.clone(), decoder.clone(), read_model.clone());
    let tasks = process.tasks.clone();
    tasks.clone().supervise("feeds", async move {
        let mut tick = interval(LOOK);
        loop {
            let feed = tokio::select! {
                feed = consumer.next_partition() => feed,
                _ = tick.tick() => {
                    troubles.tell_lag(clock::monotonic());
                    continue;
                }
            };
            let Some(feed) = feed else { return Ok::<(), Infallible>(()) };
            let worker = Worker::new(feed, decoder.clone(), read_model.clone(), &troubles);
            let shutdown = process.shutdown.clone();
            tasks.supervise("feeds-partition", async move {
                worker.run(shutdown).await;
                Ok::<(), Infallible>(())
            });
        }
    });
    Ok(())
}

/// Positions lie in Redis, beside the feeds that they belong to.
#[derive(Debug)]
struct Positions(ReadModel);

impl bus::PositionSource for Positions {
    type Error = read_model::Error;

    async fn position(&self, topic: &str, partition: i32) -> Result<Position, Self::Error> {
        self.0.feeds_position(&Source { topic: topic.into(), partition }).await
    }
}
