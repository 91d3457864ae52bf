//! What the polling thread knows of one assigned partition, and what it makes of each record that arrives: pure.

use std::sync::Arc;

use runtime::clock::Instant;
use schemas::{EventId, Position};

use super::FeedError;
use super::feed::Queue;

/// How often a hole is answered by reading again from before it.
const MAX_REREADS: u8 = 3;

/// One assigned partition.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) queue: Arc<Queue>,
    /// Which run of the queue the records belong to.
    pub(super) run: u64,
    /// The next record to pass on, and the id of the one before it.
    pub(super) position: Position,
    /// When the position last moved.
    pub(super) moved: Instant,
    /// The record before the position is still to be compared.
    unverified: bool,
    rereads: u8,
    /// Why nothing is passed on until the cluster, or the feed, has said more.
    pub(super) doubt: Option<Doubt>,
    /// The feed was told of a failure: everything is dropped until it seeks.
    pub(super) halted: bool,
    pub(super) paused: bool,
    /// The client is to read from [`Self::read_from`].
    pub(super) seek_due: bool,
    /// Kafka is to be told this offset.
    pub(super) to_commit: Option<Position>,
    /// The offset that Kafka was told last, in this run.
    offered: Option<Position>,
}

/// Why we do not know whether this is still the same log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The broker has no such offset.
    OutOfRange,
    /// The log seems to end before our position.
    Short,
    /// The record before our position is another one.
    Other(Option<EventId>),
}

/// What to do with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Pass it on.
    Deliver,
    /// It was passed on before, was read for comparison only, or nobody wants it now.
    Drop,
    /// Something is missing before it: read again from [`Partition::read_from`].
    Reread,
    /// Something is missing before it, however often it is read.
    Hole,
    /// See [`Doubt::Other`]; already noted.
    Doubtful,
}

impl Partition {
    pub(super) fn new(key: (Arc<str>, i32), queue: Arc<Queue>, position: Position, now: Instant) -> Self {
        let (topic, partition) = key;
        let mut new = Self {
            topic,
            partition,
            queue,
            run: 0,
            position,
            moved: now,
            unverified: false,
            rereads: 0,
            doubt: None,
            halted: false,
            paused: false,
            seek_due: false,
            to_commit: None,
            offered: None,
        };
        new.restart(position, 0, now);
        new
    }

    /// Starts anew at this position. Offsets that Kafka has not taken yet may be another log's, so they are dropped.
    pub(super) fn restart(&mut self, position: Position, run: u64, now: Instant) {
        self.position = position;
        self.run = run;
        self.moved = now;
        self.unverified = position.next > 0 && position.last.is_some();
        self.rereads = 0;
        self.doubt = None;
        self.halted = false;
        self.to_commit = None;
        self.offered = None;
    }

    /// The offset that Kafka is to be told now, if there is one.
    pub(super) fn offer(&mut self) -> Option<Position> {
        let done = self.to_commit.take()?;
        self.offered = Some(done);
        Some(done)
    }

    /// Kafka did not take this offset: it is offered again, unless a newer one is or the partition started anew since.
    pub(super) fn offer_again(&mut self, next: i64) {
        if let Some(offered) = self.offered.filter(|offered| offered.next == next) {
            self.to_commit.get_or_insert(offered);
        }
    }

    /// Compares the record before the position once more, when it is read from [`Self::read_from`].
    pub(super) fn verify_again(&mut self) {
        self.unverified = self.position.next > 0 && self.position.last.is_some();
        self.doubt = None;
    }

    /// Reports a failure to the feed and drops everything until it seeks.
    pub(super) fn halt(&mut self, failure: FeedError) {
        tracing::error!(topic = &*self.topic, partition = self.partition, "{failure}");
        self.halted = true;
        self.queue.fail(failure, self.run);
    }

    /// The offset to read from: one before the position while that record is still to be compared.
    pub(super) const fn read_from(&self) -> i64 {
        if self.unverified { self.position.next - 1 } else { self.position.next }
    }

    /// Judges a record by its offset and id, and moves the position past it if it is to be delivered.
    pub(super) fn judge(&mut self, offset: i64, id: Option<EventId>, now: Instant) -> Verdict {
        let wanted = self.read_from();
        if self.halted || self.seek_due || self.doubt.is_some() || offset < wanted {
            return Verdict::Drop;
        }
        if offset > wanted {
            if self.rereads == MAX_REREADS {
                return Verdict::Hole;
            }
            self.rereads += 1;
            self.seek_due = true;
            return Verdict::Reread;
        }
        self.rereads = 0;
        if self.unverified {
            if id != self.position.last {
                self.doubt = Some(Doubt::Other(id));
                return Verdict::Doubtful;
            }
            self.unverified = false;
            return Verdict::Drop;
        }
        self.position = Position { next: offset + 1, last: id };
        self.moved = now;
        Verdict::Deliver
    }
}

#[cfg(test)]
mod tests {
    use runtime::clock;
    use schemas::EventId;
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> Option<EventId> {
        Some(EventId(Uuid::from_u128(number)))
    }

    fn check(given: Position, when: &[(i64, u128)], then: &[Verdict]) -> Partition {
        let now = clock::monotonic();
        let mut partition = Partition::new(("t".into(), 0), Arc::default(), given, now);
        let mut verdicts = Vec::new();
        for (offset, event) in when {
            verdicts.push(partition.judge(*offset, id(*event), now));
            if partition.seek_due {
                assert_eq!(partition.judge(*offset, id(*event), now), Verdict::Drop, "nothing counts before the seek");
                partition.seek_due = false;
            }
        }
        assert_eq!(verdicts, then);
        partition
    }

    #[test]
    fn the_record_before_the_position_is_compared_and_not_delivered() {
        let given = Position { next: 5, last: id(4) };
        let partition = check(given, &[(4, 4), (5, 5)], &[Verdict::Drop, Verdict::Deliver]);
        assert_eq!(partition.position, Position { next: 6, last: id(5) });
    }

    #[test]
    fn another_record_before_the_position_stops_the_partition() {
        let given = Position { next: 5, last: id(4) };
        let partition = check(given, &[(4, 99), (5, 5)], &[Verdict::Doubtful, Verdict::Drop]);
        assert_eq!(partition.doubt, Some(Doubt::Other(id(99))));
        assert_eq!(partition.position, given);
    }

    #[test]
    fn nothing_is_compared_at_the_logs_start_or_without_a_known_id() {
        check(Position { next: 0, last: id(1) }, &[(0, 7)], &[Verdict::Deliver]);
        check(Position { next: 9, last: None }, &[(9, 7)], &[Verdict::Deliver]);
    }

    #[test]
    fn records_before_the_position_are_dropped() {
        let when = [(3, 3), (4, 4), (5, 5), (5, 5), (4, 4)];
        let then = [Verdict::Drop, Verdict::Drop, Verdict::Deliver, Verdict::Drop, Verdict::Drop];
        check(Position { next: 5, last: None }, &when, &then);
    }

    /// Seen to fail when a partition that starts anew keeps its offsets.
    #[test]
    fn an_offset_that_kafka_refused_is_offered_again_but_none_of_a_log_that_is_gone() {
        let mut partition = check(Position { next: 5, last: None }, &[(5, 5)], &[Verdict::Deliver]);
        let done = |next, last| Some(Position { next, last: id(last) });
        partition.to_commit = done(6, 5);
        assert_eq!((partition.offer(), partition.offer()), (done(6, 5), None));
        partition.offer_again(6);
        assert_eq!(partition.offer(), done(6, 5));
        partition.to_commit = done(7, 6);
        partition.offer_again(6);
        assert_eq!(partition.offer(), done(7, 6), "a newer one goes first");
        partition.offer_again(6);
        assert_eq!(partition.offer(), None, "and the older one is of no use then");

        partition.to_commit = done(8, 7);
        partition.restart(Position::default(), 1, clock::monotonic());
        assert_eq!(partition.offer(), None, "what was done in another log says nothing of this one");
        partition.offer_again(7);
        assert_eq!(partition.offer(), None, "also when Kafka's answer comes late");
        partition.to_commit = done(1, 9);
        assert_eq!(partition.offer(), done(1, 9));
    }

    #[test]
    fn a_hole_is_read_again_three_times_and_then_reported() {
        let then = [Verdict::Reread, Verdict::Reread, Verdict::Reread, Verdict::Hole];
        check(Position { next: 5, last: None }, &[(7, 7); 4], &then);
        let when = [(7, 7), (5, 5), (7, 7), (7, 7), (7, 7), (7, 7)];
        let then =
            [Verdict::Reread, Verdict::Deliver, Verdict::Reread, Verdict::Reread, Verdict::Reread, Verdict::Hole];
        check(Position { next: 5, last: None }, &when, &then);
    }
}
