//! The consumer groups of this process: each works on every partition in a task of its own.

mod post;

use std::convert::Infallible;

use bus::{CommittedOffsets, Consumer, ConsumerGroup, Kafka, PartitionFeed};
use runtime::{Process, Shutdown};

pub(crate) use post::Post;

/// Joins the group, and has `work` done on each partition that this process gets, in a task of the name `desk`, until the
/// process ends. `work` ends by itself when its partition is taken away.
pub(crate) fn join<W>(
    group: ConsumerGroup,
    desk: &'static str,
    kafka: &Kafka,
    process: &Process,
    work: impl Fn(PartitionFeed, Post, Shutdown) -> W + Send + 'static,
) -> Result<(), bus::Error>
where
    W: Future<Output = ()> + Send + 'static,
{
    let positions = CommittedOffsets::of(kafka, group.name)?;
    let mut consumer = Consumer::start(kafka, group.joined_as(&process.instance), positions)?;
    let (tasks, shutdown) = (process.tasks.clone(), process.shutdown.clone());
    process.tasks.supervise(group.name, async move {
        while let Some(feed) = consumer.next_partition().await {
            let post = Post::at(group, &feed);
            let work = work(feed, post, shutdown.clone());
            tasks.supervise(desk, async move {
                work.await;
                Ok::<(), Infallible>(())
            });
        }
        Ok::<(), Infallible>(())
    });
    Ok(())
}
