//! The partitions that this member has.

use std::sync::Arc;

use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::feed::Queue;
use super::partition::Partition;

/// A few dozen partitions, so a list is the quickest map.
#[derive(Debug, Default)]
pub(super) struct Assignment(Vec<Partition>);

impl Assignment {
    pub(super) fn add(&mut self, partition: Partition) {
        self.0.push(partition);
    }

    pub(super) fn remove(&mut self, topic: &str, partition: i32) -> Option<Partition> {
        let index = self.0.iter().position(|known| known.partition == partition && *known.topic == *topic)?;
        Some(self.0.swap_remove(index))
    }

    pub(super) fn find(&mut self, topic: &str, partition: i32) -> Option<&mut Partition> {
        self.0.iter_mut().find(|known| known.partition == partition && *known.topic == *topic)
    }

    /// The partition that this queue is of, if we still have it.
    pub(super) fn of_queue(&mut self, queue: &Arc<Queue>) -> Option<&mut Partition> {
        self.0.iter_mut().find(|known| Arc::ptr_eq(&known.queue, queue))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.0.iter_mut()
    }

    /// All of them, and where each is to be read from.
    pub(super) fn to_read(&self) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for partition in &self.0 {
            list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(partition.read_from()))?;
        }
        Ok(list)
    }

    /// Ends every feed.
    pub(super) fn close(&mut self) {
        for partition in self.0.drain(..) {
            partition.queue.close();
        }
    }
}
