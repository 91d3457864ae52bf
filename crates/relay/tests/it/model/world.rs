//! Everything around the relays: the commits and their marks, the log, what is under way, and the promises.

use bus::Delivered;
use event_store::{CommitId, Marked};
use schemas::{AnyEvent, EventId, Recorded, Sku, StockEvent, StockReceived, StreamId, Timestamp, Version};
use uuid::Uuid;

use super::setting::{Case, Faults, LogKind, Rules};

/// A promise was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Violation {
    /// A version lies in the log before any occurrence of the one before it.
    Prefix { stream: usize, version: u32, head: u32 },
    /// A mark is gone, but an in-order reader does not have the whole commit.
    Lost { stream: usize, last: u32, head: u32 },
    /// Without any further fault, everything came to rest although not everything was published.
    Stuck { marked: usize, heads: [u32; 2] },
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) log: LogKind,
    pub(super) rules: Rules,
    pub(super) faults: Faults,
    pub(super) streams: [Stream; 2],
    pub(super) one_partition: bool,
    pub(super) clock: i64,
    pub(super) rounds: Vec<SentRound>,
    pub(super) calls: Vec<Call>,
    pub(super) violation: Option<Violation>,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    /// Sizes of the commits that are still to come.
    pub(super) coming: Vec<u32>,
    /// The clock of the commit that is being inserted.
    pub(super) inserting: Option<i64>,
    pub(super) stored: Vec<Stored>,
    /// The last version that an in-order reader of the log has.
    pub(super) head: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) first: u32,
    pub(super) events: u32,
    pub(super) at: i64,
    /// Which marks it has.
    pub(super) marks: Marks,
}

/// For each kind, whether a commit has that mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Marks {
    pub(super) live: bool,
    pub(super) again: bool,
}

/// The two kinds of marks, and of rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Live,
    Again,
}

impl Marks {
    pub(super) fn has(self, mark: Mark) -> bool {
        match mark {
            Mark::Live => self.live,
            Mark::Again => self.again,
        }
    }

    fn set(&mut self, mark: Mark, value: bool) {
        match mark {
            Mark::Live => self.live = value,
            Mark::Again => self.again = value,
        }
    }
}

/// What one round handed over to the log. It outlives its relay: the network still delivers.
#[derive(Debug)]
pub(super) struct SentRound {
    pub(super) relay_gone: bool,
    /// A failure was reported, so nothing more is accepted.
    pub(super) failed: bool,
    pub(super) records: Vec<Record>,
}

#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) stream: usize,
    pub(super) version: u32,
    pub(super) fate: Fate,
    /// What the relay was told.
    pub(super) answer: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    UnderWay,
    Written,
    /// It never will be.
    Dropped,
}

/// A call to the store that was not answered yet.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) kind: CallKind,
    pub(super) state: CallState,
}

#[derive(Debug)]
pub(super) enum CallKind {
    Snapshot,
    Page,
    /// Marks that are not removed yet.
    Unmark(Mark, Vec<CommitId>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallState {
    Open,
    Done,
    Failed,
    /// Nobody waits any more.
    Taken,
}

impl World {
    pub(super) fn new(case: &Case) -> Self {
        let stream = |name: &str, coming: &Vec<u32>| Stream {
            id: Sku::parse(name).unwrap().stock(),
            coming: coming.clone(),
            inserting: None,
            stored: Vec::new(),
            head: 0,
        };
        Self {
            log: case.log,
            rules: case.rules,
            faults: case.faults.clone(),
            streams: [stream("a", &case.commits[0]), stream("b", &case.commits[1])],
            one_partition: case.one_partition,
            clock: 10,
            rounds: Vec::new(),
            calls: Vec::new(),
            violation: None,
        }
    }

    /// A writer reads its clock. Clocks of writers differ by some ticks, and several streams may have the same `at`.
    pub(super) fn begin_insert(&mut self, stream: usize, skew: i64) {
        let now = self.clock + skew % 4;
        let stream = &mut self.streams[stream];
        let previous = stream.stored.last().map_or(0, |commit| commit.at);
        let grows = self.rules.clock_grows;
        stream.inserting = Some(if grows { now.max(previous + 1) } else { now });
    }

    /// The commit is acknowledged, and visible from now on.
    pub(super) fn finish_insert(&mut self, stream: usize) {
        let stream = &mut self.streams[stream];
        let (at, events) = (stream.inserting.take().unwrap(), stream.coming.remove(0));
        let first = stream.stored.last().map_or(1, |commit| commit.first + commit.events);
        stream.stored.push(Stored { first, events, at, marks: Marks { live: true, again: false } });
    }

    /// The commits with this mark as they are now: oldest first, ties in any fixed order.
    pub(super) fn marked(&self, mark: Mark) -> Vec<(i64, usize, u32)> {
        let marked = self.streams.iter().enumerate().flat_map(|(index, stream)| {
            let marked = stream.stored.iter().filter(move |commit| commit.marks.has(mark));
            marked.map(move |commit| (commit.at, index, commit.first))
        });
        let mut marked: Vec<_> = marked.collect();
        marked.sort_unstable();
        marked
    }

    pub(super) fn read(&self, stream: usize, first: u32) -> Marked {
        let Stream { id, stored, .. } = &self.streams[stream];
        let commit = stored.iter().find(|commit| commit.first == first).unwrap();
        let events = (first..first + commit.events).map(|version| recorded(id, version, commit.at)).collect();
        let at = Timestamp::from_micros(commit.at);
        Marked { id: CommitId { stream: id.clone(), first: Version(first) }, at, events: Ok(events) }
    }

    pub(super) fn index(&self, stream: &StreamId) -> usize {
        self.streams.iter().position(|known| known.id == *stream).unwrap()
    }

    /// The log writes one record that is under way.
    pub(super) fn write(&mut self, round: usize, record: usize) {
        let record = &mut self.rounds[round].records[record];
        record.fate = Fate::Written;
        let (index, version) = (record.stream, record.version);
        let stream = &mut self.streams[index];
        if version == stream.head + 1 {
            stream.head = version;
        } else if version > stream.head && (self.log == LogKind::Gapless || self.rules.check_prefix) {
            self.violation.get_or_insert(Violation::Prefix { stream: index, version, head: stream.head });
        }
    }

    /// The records that the log may write next: in each round and partition the first that is under way.
    pub(super) fn writable(&self, round: usize) -> Vec<usize> {
        let under_way = |record: &&(usize, &Record)| record.1.fate == Fate::UnderWay;
        let records: Vec<_> = self.rounds[round].records.iter().enumerate().collect();
        let first =
            |partition| records.iter().filter(|(_, record)| self.partition(record.stream) == partition).find(under_way);
        let mut found: Vec<_> = [0, 1].into_iter().filter_map(first).map(|(index, _)| *index).collect();
        found.dedup();
        found
    }

    /// A record is reported as failed. If it is `dropped`, it will not be written, nor, in a gapless log, anything that
    /// the round sent to that partition after it; else its answer was lost on the way.
    pub(super) fn fail(&mut self, round: usize, record: usize, dropped: bool) {
        let partition = self.partition(self.rounds[round].records[record].stream);
        let (log, one_partition) = (self.log, self.one_partition);
        let sent = &mut self.rounds[round];
        sent.failed = log == LogKind::Gapless;
        sent.records[record].answer = Some(false);
        if !dropped {
            return;
        }
        let behind = if log == LogKind::Gapless { sent.records.len() } else { record + 1 };
        for record in &mut sent.records[record..behind] {
            let same_partition = one_partition || record.stream == partition;
            if same_partition && record.fate == Fate::UnderWay {
                record.fate = Fate::Dropped;
            }
        }
    }

    /// Commits that can be given this mark again, and have not got it.
    pub(super) fn markable(&self, mark: Mark) -> Vec<(usize, u32)> {
        let may =
            |marks: Marks| !marks.has(mark) && (mark == Mark::Live || !marks.live || !self.rules.again_means_again);
        let streams = self.streams.iter().enumerate();
        let markable = streams.flat_map(|(index, stream)| {
            stream.stored.iter().filter(|commit| may(commit.marks)).map(move |commit| (index, commit.first))
        });
        markable.collect()
    }

    /// One commit is to be published again: at any moment, whatever becomes of the commits around it.
    pub(super) fn mark_again(&mut self, stream: usize, first: u32, mark: Mark) {
        let commit = self.streams[stream].stored.iter_mut().find(|commit| commit.first == first).unwrap();
        commit.marks.set(mark, true);
    }

    /// A mark of one commit goes, and the commit must have arrived.
    pub(super) fn remove_mark(&mut self, mark: Mark, id: &CommitId) {
        let index = self.index(&id.stream);
        let stream = &mut self.streams[index];
        let head = stream.head;
        let commit = stream.stored.iter_mut().find(|commit| commit.first == id.first.0).unwrap();
        commit.marks.set(mark, false);
        let last = commit.first + commit.events - 1;
        if last > head {
            self.violation.get_or_insert(Violation::Lost { stream: index, last, head });
        }
    }

    /// What a relay would do that removed marks against the rules: called whenever a record was acknowledged.
    pub(super) fn remove_marks_too_early(&mut self, round: usize) {
        let records = self.rounds[round].records.clone();
        let acknowledged = |stream: usize, version: u32| {
            let same = |record: &&Record| record.stream == stream && record.version == version;
            records.iter().filter(same).any(|record| record.answer == Some(true))
        };
        for index in 0..self.streams.len() {
            for commit in self.streams[index].stored.clone().into_iter().filter(|commit| commit.marks.live) {
                let mut versions = commit.first..commit.first + commit.events;
                let whole = versions.clone().all(|version| acknowledged(index, version));
                let part = versions.any(|version| acknowledged(index, version));
                let Rules { marks_stay_behind_failures, commits_are_whole, .. } = self.rules;
                if (whole && !marks_stay_behind_failures) || (part && !commits_are_whole) {
                    let stream = self.streams[index].id.clone();
                    self.remove_mark(Mark::Live, &CommitId { stream, first: Version(commit.first) });
                }
            }
        }
    }

    pub(super) fn partition(&self, stream: usize) -> usize {
        if self.one_partition { 0 } else { stream }
    }
}

pub(super) fn delivered() -> Delivered {
    Delivered { partition: 0, offset: 0 }
}

fn recorded(stream: &StreamId, version: u32, at: i64) -> Recorded<AnyEvent> {
    let sku = Sku::parse("a").unwrap();
    let event = StockEvent::Received(StockReceived { sku, quantity: i64::from(version), reason: None });
    Recorded {
        stream: stream.clone(),
        version: Version(version),
        id: EventId::of_commit(Uuid::nil(), version),
        at: Timestamp::from_micros(at),
        owner: None,
        correlation: Box::default(),
        causation: None,
        traceparent: None,
        event: AnyEvent::Stock(event),
    }
}
