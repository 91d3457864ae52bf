//! The consumer groups of this process: each works on every partition in a task of its own.

mod place;

use std::convert::Infallible;

use bus::{CommittedOffsets, Consumer, ConsumerGroup, Kafka, PartitionFeed};
use runtime::Process;

pub(crate) use place::Place;

/// Joins the group, and has `work` done on each partition that this process gets, in a task of the group's name. `work` ends
/// by itself when its partition is taken away, and is dropped when the process ends.
pub(crate) fn join<W>(
    group: ConsumerGroup,
    kafka: &Kafka,
    process: &Process,
    work: impl Fn(PartitionFeed, Place) -> W + Send + 'static,
) -> Result<(), bus::Error>
where
    W: Future<Output = ()> + Send + 'static,
{
    let positions = CommittedOffsets::of(kafka, group.name)?;
    let mut consumer = Consumer::start(kafka, group.joined_as(&process.instance), positions)?;
    let (tasks, shutdown) = (process.tasks.clone(), process.shutdown.clone());
    process.tasks.supervise(group.name, async move {
        while let Some(feed) = consumer.next_partition().await {
            let (place, shutdown) = (Place::at(group, &feed), shutdown.clone());
            let work = work(feed, place.clone());
            tasks.supervise(group.name, async move {
                tokio::select! {
                    biased;
                    () = place.given_up_with(&shutdown) => {}
                    () = work => {}
                }
                Ok::<(), Infallible>(())
            });
        }
        Ok::<(), Infallible>(())
    });
    Ok(())
}
