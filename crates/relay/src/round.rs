//! One round: reads a snapshot of the outbox, sends it to the log, and removes the marks, except those of its last pages.
//!
//! Pages are pipelined: while one is sent, acks of earlier ones are under way, the marks of still earlier ones are being
//! removed, and the next one of the same snapshot is being read.

use std::collections::{HashMap, HashSet, VecDeque};

use event_store::{CommitId, Lanes, Marked, PassedOver};
use futures::future::join3;
use runtime::trace::{Batch, Kind};
use schemas::{Aggregate, AnyEvent, Recorded, StreamId, Version};
use tokio_util::sync::CancellationToken;

use crate::{Error, Log, LogRound, Outbox, Pages, Refused};

/// How much a round does at a time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Commits that are read, and lose their marks, together.
    pub page: usize,
    /// Pages that may wait for their acks while another is read.
    pub pages_in_flight: usize,
    /// The most commits that a round reads; the next round sees on a snapshot of its own what was committed meanwhile.
    pub commits: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { page: 512, pages_in_flight: 4, commits: 16_384 }
    }
}

/// What a round did.
#[derive(Debug, Default)]
pub struct Report {
    /// Commits that were read.
    pub read: usize,
    /// Events that the log acknowledged.
    pub published: u64,
    /// Commits that were published and whose marks are gone.
    pub finished: usize,
    /// Commits that were published and whose marks are still to be removed.
    pub(crate) published_commits: Vec<CommitId>,
    /// Streams of which something could not be published.
    pub stopped_streams: usize,
    /// Commits that stopped their stream by failing, or that come after one that did.
    pub(crate) stopped_commits: u32,
    /// Of what the log refused a record itself, so that everything else of the round failed.
    pub(crate) refused: HeldBack,
    /// The first thing that went wrong.
    pub failure: Option<Error>,
    /// Whether something concerned all streams, because the store or the log failed, so that the round ended early.
    pub halted: bool,
    /// Whether the round read as many commits as it may, so that there may be more.
    pub full: bool,
}

/// One round, as [`crate::Rounds::next`] says. Passes over what the log has already and whose marks are being removed, and
/// the streams that are held back, and leaves the marks of its last pages to its caller.
pub(crate) async fn round<O: Outbox, L: Log>(
    (outbox, log): (&O, &L),
    lanes: Lanes,
    limits: Limits,
    (published, held): (&HashSet<CommitId>, &HeldBack),
    stop: &CancellationToken,
) -> Report {
    let failed = |failure| Report { failure: Some(failure), halted: true, ..Report::default() };
    let log = match log.round() {
        Ok(log) => log,
        Err(error) => return failed(Error::Begin(error)),
    };
    let snapshot = match outbox.snapshot(lanes, limits.commits).await {
        Ok(snapshot) => snapshot,
        Err(error) => return failed(Error::Read(error)),
    };
    let report = Report::default();
    let (flying, stopped) = (VecDeque::new(), HashMap::new());
    let round = Round { outbox, log, limits, published, held, flying, stopped, report };
    round.run(snapshot, stop).await
}

/// What the log refuses for a while: whole topics, as one that it does not let us write to, or single streams.
#[derive(Debug, Default)]
pub(crate) struct HeldBack {
    pub(crate) topics: HashSet<Aggregate>,
    pub(crate) streams: HashSet<StreamId>,
}

impl HeldBack {
    fn holds(&self, stream: &StreamId) -> bool {
        self.topics.contains(&stream.aggregate()) || self.streams.contains(stream)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty() && self.streams.is_empty()
    }
}

impl Report {
    /// Something concerned all streams.
    pub(crate) fn halt(&mut self, error: Error) {
        self.halted = true;
        self.failure.get_or_insert(error);
    }
}

struct Round<'a, O, L: LogRound> {
    outbox: &'a O,
    log: L,
    limits: Limits,
    /// Commits of the round before, to be passed over.
    published: &'a HashSet<CommitId>,
    /// Of what nothing is sent.
    held: &'a HeldBack,
    /// Pages that were sent and not yet answered, oldest first.
    flying: VecDeque<Page<L::Ack>>,
    /// For each stream of which something failed, the first version of the first commit that did.
    stopped: HashMap<StreamId, Version>,
    report: Report,
}

/// Commits that were sent together.
struct Page<A> {
    flights: Vec<Flight<A>>,
    /// The spans of their events, which end when the page has landed.
    trace: Batch,
}

/// A commit that was sent.
struct Flight<A> {
    id: CommitId,
    /// One per event that was handed over.
    acks: Vec<(Version, A)>,
}

impl<O: Outbox, L: LogRound> Round<'_, O, L> {
    async fn run(mut self, mut snapshot: O::Snapshot, stop: &CancellationToken) -> Report {
        let (outbox, size) = (self.outbox, self.limits.page);
        let (mut read, mut published) = (snapshot.page(size).await, Vec::new());
        while !self.report.halted && !stop.is_cancelled() {
            let page = match read {
                Ok(page) if page.is_empty() => break,
                Ok(page) => page,
                Err(error) => {
                    self.report.halt(Error::Read(error));
                    break;
                }
            };
            let unmarked;
            // In this order: the store is at work while the page is encoded.
            (unmarked, read, ()) = join3(outbox.unmark(&published), snapshot.page(size), self.send(page)).await;
            self.note(unmarked.map(|()| published.len()));
            published.clear();
            if self.flying.len() > self.limits.pages_in_flight {
                self.land_oldest(&mut published).await;
            }
        }
        while !self.flying.is_empty() {
            self.land_oldest(&mut published).await;
        }
        self.report.published_commits = published;
        self.report.stopped_streams = self.stopped.len();
        self.note_passed_over(snapshot.passed_over());
        self.report.full = u32::try_from(self.report.read).is_ok_and(|read| read >= self.limits.commits);
        self.report
    }

    async fn send(&mut self, page: Vec<Marked>) {
        self.report.read += page.len();
        let mut flights = Vec::with_capacity(page.len());
        let mut trace = Batch::begin(Kind::Producer, "publish");
        for Marked { id, at: _, events } in page {
            if self.report.halted {
                break;
            }
            if self.held.holds(&id.stream) {
                self.stopped.entry(id.stream.clone()).or_insert(id.first);
            }
            // It would lie in the log without what failed before it.
            if self.stopped.contains_key(&id.stream) {
                self.report.stopped_commits += 1;
                continue;
            }
            // The round before published it; its mark is still being removed.
            if self.published.contains(&id) {
                continue;
            }
            match events {
                Ok(events) => flights.push(self.send_commit(id, events, &mut trace)),
                Err(source) => {
                    let CommitId { stream, first } = id.clone();
                    self.stop_stream(&id, Error::Unreadable { stream, first, source });
                }
            }
        }
        self.flying.push_back(Page { flights, trace });
    }

    fn send_commit(&mut self, id: CommitId, events: Vec<Recorded<AnyEvent>>, trace: &mut Batch) -> Flight<L::Ack> {
        let mut acks = Vec::with_capacity(events.len());
        for mut event in events {
            begin_span(&mut event, trace);
            let source = match self.log.send(&event) {
                Ok(ack) => {
                    acks.push((event.version, ack));
                    continue;
                }
                Err(Refused::Event(source)) => source,
                Err(Refused::Round(source)) => {
                    self.halt_by(&id.stream, &source);
                    source
                }
            };
            self.stop_stream(&id, Error::Publish { stream: event.stream, version: event.version, source });
            break;
        }
        Flight { id, acks }
    }

    /// Awaits every answer to the oldest page, and adds those of its commits that may lose their marks.
    async fn land_oldest(&mut self, published: &mut Vec<CommitId>) {
        let Some(Page { flights, mut trace }) = self.flying.pop_front() else { return };
        for Flight { id, acks } in flights {
            for (version, ack) in acks {
                match ack.await {
                    Ok(_delivered) => self.report.published += 1,
                    Err(source) => {
                        trace.failed("the log did not acknowledge the page");
                        self.halt_by(&id.stream, &source);
                        self.stop_stream(&id, Error::Publish { stream: id.stream.clone(), version, source });
                    }
                }
            }
            // A commit of which not every event was handed over and acknowledged has stopped its stream itself. Pages
            // land in the order of `at`, so a stream's first failure is seen before its later versions.
            if self.stopped.get(&id.stream).is_none_or(|failed| id.first < *failed) {
                published.push(id);
            }
        }
    }

    fn note_passed_over(&mut self, passed_over: PassedOver) {
        let PassedOver { commits, streams } = passed_over;
        self.report.read += usize::try_from(commits).unwrap_or(usize::MAX);
        self.report.stopped_commits += commits;
        self.report.stopped_streams += streams.len();
        if let Some(example) = streams.into_iter().next() {
            self.report.failure.get_or_insert(Error::Unknown { commits, example });
        }
    }

    fn note(&mut self, unmarked: Result<usize, event_store::Error>) {
        match unmarked {
            Ok(commits) => self.report.finished += commits,
            Err(error) => self.report.halt(Error::Unmark(error)),
        }
    }

    /// Nothing more can be sent in this round, because of an event of this stream, or of another one.
    fn halt_by(&mut self, stream: &StreamId, error: &bus::Error) {
        self.report.halted = true;
        if error.is_of_whole_topic() {
            self.report.refused.topics.insert(stream.aggregate());
        } else if error.is_of_one_record() {
            self.report.refused.streams.insert(stream.clone());
        }
    }

    fn stop_stream(&mut self, commit: &CommitId, error: Error) {
        self.report.stopped_commits += 1;
        let failed = self.stopped.entry(commit.stream.clone()).or_insert(commit.first);
        *failed = commit.first.min(*failed);
        self.report.failure.get_or_insert(error);
    }
}

/// Begins the span of this event's publication, below which whatever its readers do appears in the trace.
fn begin_span(event: &mut Recorded<AnyEvent>, trace: &mut Batch) {
    if let Some(span) = trace.add(event.traceparent.as_deref(), event.at.as_micros()) {
        span.set("messaging.system", || "kafka");
        span.set("messaging.destination.name", || event.stream.aggregate().topic());
        span.set("orderflow.stream", || event.stream.to_string());
        span.set("orderflow.version", || i64::from(event.version.0));
        span.lead(&mut event.traceparent);
    }
}
