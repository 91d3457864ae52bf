//! The polling thread: moves records from Kafka into the feeds' queues, and the feeds' requests to Kafka.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use runtime::clock::{self, Instant};

use super::assignment::Assignment;
use super::context::Context;
use super::feed::{Incoming, Request};
use super::partition::{Doubt, Partition, Verdict};
use super::{FeedError, LogChanged, committed};
use crate::RawRecord;
use crate::bell::Bell;

/// How long the thread sleeps when nothing rings: a bell that was missed costs no more than this.
const NAP: Duration = Duration::from_millis(100);
/// The same while something is to be tried again.
const SHORT_NAP: Duration = Duration::from_millis(5);
/// How often offsets are told to Kafka and the log's end is compared.
const TICK: Duration = Duration::from_secs(1);
/// Requests of the feeds are looked at after this many records.
const RECORDS_IN_A_ROW: usize = 500;
/// How long one request to the cluster may hold the thread up.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Serves one client.
pub(super) struct Poller<'a> {
    client: &'a BaseConsumer<Context>,
    incoming: &'a mut Incoming,
    ticked: Instant,
}

/// How much of what Kafka has for us was taken.
enum Drained {
    Everything,
    Some,
}

/// Why polling ended.
pub(super) enum Left {
    /// The bell said stop.
    Stopped,
    /// Another member uses our name.
    ShutOut,
    /// The client is of no use any more.
    Failed { reason: String },
}

impl<'a> Poller<'a> {
    pub(super) fn new(client: &'a BaseConsumer<Context>, incoming: &'a mut Incoming) -> Self {
        Self { client, incoming, ticked: clock::monotonic() }
    }

    pub(super) fn run(mut self, bell: &Bell) -> Left {
        let left = loop {
            if bell.is_stopped() {
                break Left::Stopped;
            }
            self.serve_requests();
            let settled = self.settle();
            match self.drain() {
                Ok(Drained::Everything) => bell.wait(if settled { NAP } else { SHORT_NAP }),
                Ok(Drained::Some) => {}
                Err(left) => break left,
            }
        };
        self.serve_requests();
        self.commit();
        self.client.context().assignment().close();
        left
    }

    /// Does what the feeds asked for.
    fn serve_requests(&mut self) {
        while let Some((queue, request)) = self.incoming.next() {
            let mut assignment = self.client.context().assignment();
            let Some(partition) = assignment.of_queue(&queue) else { continue };
            match request {
                Request::Resume => self.resume(partition),
                Request::Seek { to, run } => {
                    partition.restart(to, run, clock::monotonic());
                    partition.seek_due = true;
                    self.resume(partition);
                }
                Request::Commit { done } => partition.to_commit = Some(done),
            }
        }
    }

    /// Takes what Kafka has for us, until something is to be settled first.
    fn drain(&self) -> Result<Drained, Left> {
        for _ in 0..RECORDS_IN_A_ROW {
            match self.client.poll(Duration::ZERO) {
                Some(Ok(message)) if self.accept(&message) => {}
                Some(Err(error)) if self.consider(&error)? => {}
                Some(_) => return Ok(Drained::Some),
                None if self.client.context().was_called_back() => {}
                None => return Ok(Drained::Everything),
            }
        }
        Ok(Drained::Some)
    }

    /// Passes a record on; false = something is to be settled first.
    fn accept(&self, message: &BorrowedMessage<'_>) -> bool {
        let mut assignment = self.client.context().assignment();
        let Some(partition) = assignment.find(message.topic(), message.partition()) else { return true };
        let record = RawRecord::copy(message, Arc::clone(&partition.topic));
        match partition.judge(record.offset, record.event_id(), clock::monotonic()) {
            Verdict::Deliver => {
                if partition.queue.put(record, partition.run) {
                    self.pause(partition);
                }
                true
            }
            Verdict::Drop => true,
            Verdict::Doubtful | Verdict::Reread => false,
            Verdict::Hole => {
                let (topic, number) = (Arc::clone(&partition.topic), partition.partition);
                let (missing, found) = (partition.read_from(), record.offset);
                partition.halt(FeedError::Hole { topic, partition: number, missing, found });
                true
            }
        }
    }

    /// An error that Kafka reports in place of a record; false = something is to be settled first.
    fn consider(&self, error: &KafkaError) -> Result<bool, Left> {
        if let KafkaError::MessageConsumptionFatal(code)
        | KafkaError::MessageConsumption(code @ RDKafkaErrorCode::Fatal) = error
        {
            return Err(self.fatal(*code));
        }
        let out_of_range = matches!(
            error,
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset
                    | RDKafkaErrorCode::OffsetOutOfRange
                    | RDKafkaErrorCode::LogTruncation
            )
        );
        if !out_of_range {
            tracing::debug!(%error, "Kafka reports an error to the consumer");
            return Ok(true);
        }
        // It does not say which partition.
        let mut assignment = self.client.context().assignment();
        for partition in assignment.iter_mut().filter(|partition| partition.doubt.is_none()) {
            partition.doubt = Some(Doubt::OutOfRange);
        }
        Ok(false)
    }

    fn fatal(&self, code: RDKafkaErrorCode) -> Left {
        let (code, reason) = self.client.client().fatal_error().unwrap_or_else(|| (code, code.to_string()));
        if code == RDKafkaErrorCode::FencedInstanceId { Left::ShutOut } else { Left::Failed { reason } }
    }

    /// Seeks that are due, doubts, and once a second what has time; false = something is to be tried again soon.
    fn settle(&mut self) -> bool {
        let mut settled = true;
        let mut assignment = self.client.context().assignment();
        let ticking = self.ticked.elapsed() >= TICK;
        for partition in assignment.iter_mut() {
            if ticking {
                self.notice_a_short_log(partition);
            }
            if let Some(doubt) = partition.doubt
                && !partition.halted
                && let Err(error) = self.resolve(partition, doubt)
            {
                tracing::debug!(%error, topic = &*partition.topic, partition = partition.partition, "still in doubt");
                settled = false;
                break;
            }
            if partition.seek_due {
                self.seek(partition);
            }
        }
        // After an offset that is out of range the client no longer reads a partition, and cannot seek in it.
        if assignment.iter_mut().any(|partition| partition.seek_due) {
            settled &= self.take_anew(&mut assignment);
        }
        drop(assignment);
        if ticking {
            self.ticked = clock::monotonic();
            self.commit();
        }
        settled
    }
}

/// What is asked of Kafka for one partition.
impl Poller<'_> {
    /// A log that ends before our position, asked after we came there, is another log.
    fn notice_a_short_log(&self, partition: &mut Partition) {
        let end = self.client.context().end_of(partition);
        if partition.doubt.is_none() && end.is_some_and(|end| end < partition.position.next) {
            partition.doubt = Some(Doubt::Short);
        }
    }

    /// Asks the cluster what the log holds, and either reads on or reports that it is another log.
    fn resolve(&self, partition: &mut Partition, doubt: Doubt) -> KafkaResult<()> {
        let (start, end) = self.client.fetch_watermarks(&partition.topic, partition.partition, TIMEOUT)?;
        let found = match doubt {
            Doubt::Other(found) => found,
            Doubt::OutOfRange | Doubt::Short => {
                partition.verify_again();
                if partition.read_from() >= start && partition.position.next <= end {
                    partition.seek_due = true;
                    return Ok(());
                }
                None
            }
        };
        let changed = LogChanged {
            topic: Arc::clone(&partition.topic),
            partition: partition.partition,
            next: partition.position.next,
            expected: partition.position.last,
            found,
            start,
            end,
        };
        partition.halt(FeedError::LogChanged(changed));
        Ok(())
    }

    /// Lets the client read from where the partition is to be read, if it can.
    fn seek(&self, partition: &mut Partition) {
        let to = Offset::Offset(partition.read_from());
        let moved = self.client.seek(&partition.topic, partition.partition, to, TIMEOUT);
        if let Err(error) = &moved {
            tracing::debug!(%error, topic = &*partition.topic, partition = partition.partition, "cannot seek");
        }
        partition.seek_due = moved.is_err();
    }

    /// Lets the client read every partition from where it is to be read; false = it cannot now.
    fn take_anew(&self, assignment: &mut Assignment) -> bool {
        if let Err(error) = assignment.to_read().and_then(|list| self.client.assign(&list)) {
            tracing::debug!(%error, "cannot take the partitions anew yet");
            return false;
        }
        for partition in assignment.iter_mut() {
            partition.seek_due = false;
            if std::mem::take(&mut partition.paused) {
                self.pause(partition);
            }
        }
        true
    }

    fn pause(&self, partition: &mut Partition) {
        if !partition.paused {
            partition.paused = self.client.pause(&list_of(partition)).is_ok();
        }
    }

    fn resume(&self, partition: &mut Partition) {
        if partition.paused {
            partition.paused = self.client.resume(&list_of(partition)).is_err();
        }
    }

    /// Tells Kafka how far the partitions are done. What does not arrive is done again, by those who depend on it.
    fn commit(&self) {
        let mut done = TopicPartitionList::new();
        for partition in self.client.context().assignment().iter_mut() {
            if let Some(offered) = partition.offer() {
                let _valid = committed::tell(&mut done, &partition.topic, partition.partition, offered);
            }
        }
        if done.count() > 0
            && let Err(error) = self.client.commit(&done, CommitMode::Async)
        {
            self.client.context().not_committed(&error, &done);
        }
    }
}

fn list_of(partition: &Partition) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition(&partition.topic, partition.partition);
    list
}
