//! What lies behind the edges: commits with their marks, the log, the views, what is under way, and every breach.

use std::collections::BTreeMap;

use event_store::{Appended, Commit, CommitId, KeyHash};
use rand::Rng as _;
use rand::rngs::StdRng;
use read_model::{Applied, Batch, Document, Source, Standing};
use schemas::{AnyEvent, Event as _, Recorded, StockEvent, StreamId, Timestamp, Version};
use tokio::sync::oneshot;
use views::{StockView, View as _};

use crate::link::{Leg, Message, Process};
use crate::model::Model;
use crate::verdict::Violation;

/// Streams lie in these by their number.
pub(crate) const PARTITIONS: usize = 2;
/// How many earlier states of the views can come back.
const REMEMBERED: usize = 4;

pub(crate) struct World {
    pub(crate) dice: StdRng,
    /// How many more faults there are.
    pub(crate) faults: u32,
    pub(crate) clock: i64,
    /// By how much the clock of each process is wrong.
    pub(crate) skews: BTreeMap<Process, i64>,
    pub(crate) streams: Vec<StreamId>,
    pub(crate) commits: Vec<Stored>,
    pub(crate) rounds: Vec<SentRound>,
    pub(crate) logs: [Vec<Recorded<AnyEvent>>; PARTITIONS],
    pub(crate) views: Model,
    /// Earlier states of the views, the oldest first.
    past: Vec<Model>,
    /// How often the views went back, so that everybody has to look where they are.
    pub(crate) rewinds: u64,
    pub(crate) messages: Vec<Message>,
    pub(crate) alive: Vec<Process>,
    next_process: usize,
    pub(crate) trace: Vec<String>,
    pub(crate) violation: Option<Violation>,
}

pub(crate) struct Stored {
    pub(crate) commit: Commit,
    pub(crate) marked: bool,
}

/// What one round handed over to the log. The network delivers it also when its relay is gone.
pub(crate) struct SentRound {
    pub(crate) from: Process,
    /// A failure was reported, so nothing more is accepted.
    failed: bool,
    records: Vec<Record>,
}

struct Record {
    partition: usize,
    event: Recorded<AnyEvent>,
    /// `None` while it is under way; whether it lies in the log.
    written: Option<bool>,
    answer: Option<oneshot::Sender<bool>>,
}

impl World {
    pub(crate) fn new(mut dice: StdRng, streams: Vec<StreamId>) -> Self {
        Self {
            faults: dice.random_range(0..12),
            dice,
            clock: 1_000_000,
            skews: BTreeMap::new(),
            streams,
            commits: Vec::new(),
            rounds: Vec::new(),
            logs: [const { Vec::new() }; PARTITIONS],
            views: Model::default(),
            past: Vec::new(),
            rewinds: 0,
            messages: Vec::new(),
            alive: Vec::new(),
            next_process: 0,
            trace: Vec::new(),
            violation: None,
        }
    }

    pub(crate) fn start(&mut self) -> Process {
        let process = Process(self.next_process);
        self.next_process += 1;
        self.alive.push(process);
        process
    }

    /// It does nothing any more, and hears of nothing; what it has sent is still under way.
    pub(crate) fn kill(&mut self, process: Process) {
        self.alive.retain(|other| *other != process);
    }

    pub(crate) fn now(&self, process: Process) -> Timestamp {
        Timestamp::from_micros(self.clock + self.skews.get(&process).copied().unwrap_or_default())
    }

    pub(crate) fn breach(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }

    pub(crate) fn partition(&self, stream: &StreamId) -> usize {
        self.streams.iter().position(|known| known == stream).unwrap_or_default() % PARTITIONS
    }
}

/// The store.
impl World {
    pub(crate) fn append(&mut self, commit: Commit) -> Appended {
        // As the unique indexes have it, and the writer's look at who holds version and keys.
        match self.commits.iter().find(|stored| stored.commit.key() == commit.key()) {
            Some(stored) if stored.commit.id == commit.id => Appended::Written,
            Some(_) => Appended::Conflict,
            None if !self.find_keys(&commit.keys).is_empty() => Appended::Conflict,
            None => {
                self.commits.push(Stored { commit, marked: true });
                Appended::Written
            }
        }
    }

    pub(crate) fn tail(&self, stream: &StreamId, from: Version) -> Vec<Commit> {
        let commits = self.commits.iter().map(|stored| &stored.commit);
        let mut tail: Vec<_> =
            commits.filter(|commit| commit.stream == *stream && commit.last() >= from).cloned().collect();
        tail.sort_by_key(|commit| commit.first);
        tail
    }

    pub(crate) fn find_keys(&self, keys: &[KeyHash]) -> Vec<Commit> {
        let commits = self.commits.iter().map(|stored| &stored.commit);
        commits.filter(|commit| commit.keys.iter().any(|key| keys.contains(key))).cloned().collect()
    }

    /// The marked commits as they are now: oldest first, ties in the order of their ids.
    pub(crate) fn marked(&self, limit: usize) -> Vec<Commit> {
        let mut marked: Vec<_> =
            self.commits.iter().filter(|stored| stored.marked).map(|stored| stored.commit.clone()).collect();
        marked.sort_by_key(|commit| (commit.at, commit.key()));
        marked.truncate(limit);
        marked
    }

    /// A mark goes, and the log must have the commit.
    pub(crate) fn unmark(&mut self, commits: &[CommitId]) {
        for id in commits {
            let Some(stored) = self.commits.iter_mut().find(|stored| stored.commit.key() == *id) else { continue };
            stored.marked = false;
            let last = stored.commit.last();
            if self.published(&id.stream) < last {
                self.breach(Violation::Lost { stream: id.stream.clone(), version: last });
            }
        }
    }

    /// All events of a stream, in order.
    pub(crate) fn events(&self, stream: &StreamId) -> Vec<Recorded<AnyEvent>> {
        self.tail(stream, Version::FIRST).iter().flat_map(|commit| commit.recorded().unwrap()).collect()
    }
}

/// The log.
impl World {
    pub(crate) fn begin_round(&mut self, from: Process) -> usize {
        self.rounds.push(SentRound { from, failed: false, records: Vec::new() });
        self.rounds.len() - 1
    }

    /// Takes an event over; `false` if the round has failed.
    pub(crate) fn send(&mut self, round: usize, event: Recorded<AnyEvent>, answer: oneshot::Sender<bool>) -> bool {
        let partition = self.partition(&event.stream);
        let round = &mut self.rounds[round];
        if !round.failed {
            round.records.push(Record { partition, event, written: None, answer: Some(answer) });
        }
        !round.failed
    }

    /// The highest version up to which the log has the stream.
    pub(crate) fn published(&self, stream: &StreamId) -> Version {
        let log = &self.logs[self.partition(stream)];
        log.iter().filter(|record| record.stream == *stream).map(|record| record.version).max().unwrap_or_default()
    }

    /// The records that a round may have written next: in each partition the first that is under way.
    pub(crate) fn writable(&self, round: usize) -> Vec<usize> {
        let records = &self.rounds[round].records;
        let first =
            |partition| records.iter().position(|record| record.partition == partition && record.written.is_none());
        (0..PARTITIONS).filter_map(first).collect()
    }

    /// The records of a round that lie in the log and were not answered.
    pub(crate) fn answerable(&self, round: usize) -> Vec<usize> {
        let records = self.rounds[round].records.iter().enumerate();
        let waits = |(_, record): &(usize, &Record)| record.written == Some(true) && record.answer.is_some();
        records.filter(waits).map(|(index, _)| index).collect()
    }

    pub(crate) fn write(&mut self, round: usize, record: usize) {
        let record = &mut self.rounds[round].records[record];
        record.written = Some(true);
        let (partition, event) = (record.partition, record.event.clone());
        let head = self.published(&event.stream);
        if event.version > head.next() {
            self.breach(Violation::Prefix { stream: event.stream.clone(), version: event.version });
        }
        self.logs[partition].push(event);
    }

    pub(crate) fn acknowledge(&mut self, round: usize, record: usize) {
        if let Some(answer) = self.rounds[round].records[record].answer.take() {
            let _ = answer.send(true);
        }
    }

    /// Reports every record from this one on as failed. What is under way is written no more, unless only the answers
    /// were lost.
    pub(crate) fn fail_round(&mut self, round: usize, from: usize, dropped: bool) {
        let round = &mut self.rounds[round];
        round.failed = true;
        for record in &mut round.records[from..] {
            if dropped && record.written.is_none() {
                record.written = Some(false);
            }
            if let Some(answer) = record.answer.take() {
                let _ = answer.send(false);
            }
        }
    }
}

/// The views.
impl World {
    pub(crate) fn standings(&self, streams: &[StreamId]) -> Vec<Standing> {
        let standing = |stream: &StreamId| {
            let document = self.views.documents.get(stream).cloned();
            let document = document.map(|(version, last_event, body)| Document { version, last_event, body });
            Standing { document, parked: false }
        };
        streams.iter().map(standing).collect()
    }

    pub(crate) fn apply(&mut self, batch: &Batch) -> Applied {
        let before = self.views.clone();
        let applied = self.views.apply(batch);
        if applied == Applied::Done {
            self.past.push(before);
            if self.past.len() > REMEMBERED {
                self.past.remove(0);
            }
            for write in &batch.writes {
                self.check_view(&write.stream);
            }
        }
        applied
    }

    /// The views lose their last writes, and with them the positions.
    pub(crate) fn rewind(&mut self) {
        if self.past.is_empty() {
            return;
        }
        let to = self.dice.random_range(0..self.past.len());
        self.past.truncate(to + 1);
        self.views = self.past.pop().unwrap_or_default();
        self.rewinds += 1;
    }

    /// The view is the fold of the stream's events up to its version, byte for byte.
    pub(crate) fn check_view(&mut self, stream: &StreamId) {
        let Some((version, _, body)) = self.views.documents.get(stream).cloned() else { return };
        let upto = self.events(stream).into_iter().filter(|event| event.version <= version);
        let view = upto.fold(None, |view, recorded| {
            let mut event = None;
            let envelope = recorded.map(|any| event = StockEvent::from_any(any));
            StockView::apply(view, &envelope.map(|()| event.unwrap())).unwrap()
        });
        if view.map(|view| serde_json::to_vec(&view).unwrap()) != body {
            self.breach(Violation::View { stream: stream.clone(), version });
        }
    }

    /// Where a partition's work begins if nothing goes wrong, and where its log ends.
    pub(crate) fn behind(&self, source: &Source) -> bool {
        let partition = usize::try_from(source.partition).unwrap();
        usize::try_from(self.views.position(source).next).unwrap() < self.logs[partition].len()
    }

    /// Messages that may go on.
    pub(crate) fn movable(&self) -> Vec<usize> {
        let messages = self.messages.iter().enumerate();
        let moves = |(_, message): &(usize, &Message)| match message.leg {
            Leg::There | Leg::Ghost => true,
            Leg::Back | Leg::Idle => self.alive.contains(&message.from),
        };
        messages.filter(moves).map(|(index, _)| index).collect()
    }
}
