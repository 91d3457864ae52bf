//! The consumer groups of this process: each hears some topics, and works on every partition in a task of its own.

mod post;

use std::convert::Infallible;

use bus::{CommittedOffsets, Consumer, GroupConfig, Kafka, PartitionFeed};
use runtime::{Process, Shutdown};
use schemas::Aggregate;

pub(crate) use post::Post;

/// A group, and what it hears.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    /// What Kafka calls it, and what its task is called.
    pub(crate) name: &'static str,
    /// What the task of one partition is called.
    pub(crate) desk: &'static str,
    /// Whose topics it hears.
    pub(crate) hears: &'static [Aggregate],
}

impl Group {
    /// Joins the group, and has `work` done on each partition that this process gets, until the process ends. `work` ends
    /// by itself when its partition is taken away.
    pub(crate) fn join<W>(
        self,
        kafka: &Kafka,
        process: &Process,
        work: impl Fn(PartitionFeed, Shutdown) -> W + Send + 'static,
    ) -> Result<(), bus::Error>
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let config = GroupConfig {
            group: self.name.to_owned(),
            instance: process.instance.to_string(),
            topics: self.hears.iter().map(|aggregate| aggregate.topic().to_owned()).collect(),
        };
        let mut consumer = Consumer::start(kafka, config, CommittedOffsets::of(kafka, self.name)?)?;
        let (tasks, shutdown) = (process.tasks.clone(), process.shutdown.clone());
        process.tasks.supervise(self.name, async move {
            while let Some(feed) = consumer.next_partition().await {
                let desk = work(feed, shutdown.clone());
                tasks.supervise(self.desk, async move {
                    desk.await;
                    Ok::<(), Infallible>(())
                });
            }
            Ok::<(), Infallible>(())
        });
        Ok(())
    }
}
