//! The work on one partition: take records, append their events, move on. A record that gives no event parks its stream.

use std::time::Duration;

use bus::{DecodeFailure, Decoder, FeedError, LogChanged, PartitionFeed, RawRecord};
use read_model::feeds::{self, Appended, Counts, Event, Passed, Poison};
use read_model::{Cause, MAX_BATCH, ParkingEntry, ReadModel, Sink, Source};
use runtime::backoff::Backoff;
use runtime::trace::{Batch, Kind};
use runtime::{Shutdown, clock};
use schemas::{EncodeError, Position, StreamId, Timestamp, Version};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::troubles::{Place, Troubles};
use crate::metrics;

/// The waits of a partition that has stopped.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// One partition.
#[derive(Debug)]
pub(super) struct Worker {
    feed: PartitionFeed,
    decoder: Decoder,
    read_model: ReadModel,
    reconnections: watch::Receiver<u64>,
    place: Place,
    source: Source,
    /// The stored position, as far as we know.
    base: Position,
    look: Interval,
    /// Whether it was looked for streams that this build need not leave parked.
    released_known: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    /// What we remember does not count any more.
    Resume,
    End,
}

/// Why a partition does not go on. It stays where it is, visibly, and is tried again.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("the record at offset {offset} gives no event")]
    Undecodable { offset: i64, source: DecodeFailure },
    #[error("the event at offset {offset} does not render as JSON")]
    Unrendered { offset: i64, source: EncodeError },
    #[error("{parked} streams are parked already, so {stream} is not ({reason}); see `ops parked ls`")]
    TooManyParked { parked: usize, stream: StreamId, reason: String },
    #[error("the feeds cannot be written")]
    Feeds(#[from] read_model::Error),
    #[error(transparent)]
    Log(FeedError),
}

impl Stop {
    /// What is wrong with a record that never gives an event; nothing, if this may pass or is about no record.
    fn cause(&self) -> Option<Cause> {
        match self {
            Self::Undecodable { source: DecodeFailure::Poison { reason: bus::Poison::UnknownType { .. } }, .. } => {
                Some(Cause::UnknownType)
            }
            Self::Undecodable { source: DecodeFailure::Poison { .. }, .. } => Some(Cause::Undecodable),
            Self::Unrendered { .. } => Some(Cause::Unwritable),
            Self::Undecodable { source: DecodeFailure::Unavailable { .. }, .. }
            | Self::TooManyParked { .. }
            | Self::Feeds(_)
            | Self::Log(_) => None,
        }
    }
}

impl Worker {
    pub(super) fn new(feed: PartitionFeed, decoder: Decoder, read_model: ReadModel, troubles: &Troubles) -> Self {
        let source = Source { topic: feed.topic.clone(), partition: feed.partition };
        let mut look = interval(super::LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (reconnections, place) = (read_model.reconnections(), troubles.place(source.clone()));
        Self {
            feed,
            decoder,
            read_model,
            reconnections,
            place,
            source,
            base: Position::default(),
            look,
            released_known: false,
        }
    }

    /// Works until the partition is taken away or the process ends.
    pub(super) async fn run(mut self, shutdown: Shutdown) {
        let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
        let mut then = Then::Resume;
        while !shutdown.is_requested() {
            let done = match then {
                Then::End => return,
                Then::Resume => self.resume().await,
                Then::GoOn => self.turn().await,
            };
            match done {
                Ok(next) => {
                    if then == Then::GoOn && next == Then::GoOn {
                        backoff.reset();
                    }
                    then = next;
                }
                Err(stop) => {
                    self.place.stopped(&stop);
                    tokio::select! {
                        () = shutdown.requested() => return,
                        () = backoff.wait() => then = Then::Resume,
                    }
                }
            }
        }
    }

    /// Goes to the stored position, from whatever state.
    async fn resume(&mut self) -> Result<Then, Stop> {
        self.reconnections.mark_unchanged();
        self.base = self.read_model.feeds_position(&self.source).await?;
        if !self.released_known {
            self.release_known().await?;
            self.released_known = true;
        }
        self.feed.seek(self.base);
        Ok(Then::GoOn)
    }

    /// Lets streams of this partition go on that were parked for a type of event that this build knows. What they lack is
    /// a gap from then on.
    async fn release_known(&self) -> Result<(), Stop> {
        for parked in self.read_model.parked(Sink::Feeds).await? {
            if parked.entry.is_known_now(&self.source, |name| self.decoder.knows(name)) {
                let head = parked.entry.version.unwrap_or(Version::NONE);
                self.read_model.redrive(Sink::Feeds, &parked, head).await?;
            }
        }
        Ok(())
    }

    async fn turn(&mut self) -> Result<Then, Stop> {
        let batch = loop {
            tokio::select! {
                biased;
                // Redis may have been restarted and may have lost its last writes.
                Ok(()) = self.reconnections.changed() => return Ok(Then::Resume),
                batch = self.feed.batch(MAX_BATCH) => break batch,
                _ = self.look.tick() => if self.feed.at_end() {
                    self.place.at_end();
                },
            }
        };
        match batch {
            Some(Ok(records)) => self.append(&records).await,
            Some(Err(FeedError::LogChanged(changed))) => self.start_over(&changed).await,
            Some(Err(hole @ FeedError::Hole { .. })) => Err(Stop::Log(hole)),
            None => Ok(Then::End),
        }
    }

    /// Appends the events of these records; those before one that gives none, if there is one.
    async fn append(&mut self, records: &[RawRecord]) -> Result<Then, Stop> {
        if records.first().is_some_and(|record| record.offset != self.base.next) {
            return Ok(Then::Resume);
        }
        let mut trace = Batch::begin(Kind::Consumer, "feed");
        let (mut events, stop) = self.decode(records).await;
        events.iter_mut().for_each(|event| follow(event, &mut trace));
        let refused = records.get(events.len());
        if let Some(last) = events.last() {
            let next = Position { next: last.offset + 1, last: Some(last.id) };
            let newest = last.at;
            let Some(counts) = self.store(next, events).await? else { return Ok(Then::Resume) };
            count(counts, newest);
        }
        if let Some((stop, record)) = stop.zip(refused) {
            return self.pass(record, stop).await;
        }
        self.place.going();
        self.feed.stored(self.base);
        Ok(Then::GoOn)
    }

    /// Passes over a record that gives no event and never will: its stream waits, so that its owner's feed has no gap, and
    /// all others go on.
    async fn pass(&mut self, record: &RawRecord, stop: Stop) -> Result<Then, Stop> {
        let (Some(cause), Ok(stream)) = (stop.cause(), record.stream()) else { return Err(stop) };
        let entry = ParkingEntry {
            version: record.version(),
            cause,
            reason: runtime::chain(&stop),
            event_type: record.event_type().map(str::to_owned),
            event_id: record.event_id(),
            topic: record.topic.to_string(),
            partition: record.partition,
            offset: record.offset,
            at: Timestamp::from_micros(clock::now_micros()),
        };
        let (source, next) = (self.source.clone(), record.behind());
        let poison = Poison { source, base: self.base, next, stream, entry };
        match self.read_model.park_feeds(&poison).await? {
            Passed::Parked => {
                let Poison { stream, entry, .. } = &poison;
                tracing::error!(
                    stream = stream.as_str(), partition = %self.source, offset = entry.offset,
                    "{stream} is parked in the feeds, the others go on: {}; see `ops parked show`", entry.reason,
                );
            }
            Passed::Over | Passed::Refused { .. } => {}
            Passed::Full { parked } => {
                let Poison { stream, entry: ParkingEntry { reason, .. }, .. } = poison;
                return Err(Stop::TooManyParked { parked, stream, reason });
            }
        }
        metrics::passed("parked", 1);
        self.place.going();
        // What was taken from the feed behind this record is taken again.
        Ok(Then::Resume)
    }

    /// `None` if the feeds have another position than we thought. An answer that was lost shows as that, too.
    async fn store(&mut self, next: Position, events: Vec<Event>) -> Result<Option<Counts>, Stop> {
        let now = Timestamp::from_micros(clock::now_micros());
        let batch = feeds::Batch { source: self.source.clone(), base: self.base, next, now, events };
        match self.read_model.append_feeds(&batch).await? {
            Appended::Done(counts) => {
                self.base = next;
                Ok(Some(counts))
            }
            Appended::Refused { .. } => Ok(None),
        }
    }

    /// The log is another one than before: reads it from its start. The streams' versions are kept, so what entered a
    /// feed before does not enter it again.
    async fn start_over(&mut self, changed: &LogChanged) -> Result<Then, Stop> {
        if changed.next == self.base.next {
            tracing::error!(partition = %self.source, "{changed}; the feeds read it again from its start");
            let next = Position { next: changed.start, last: None };
            self.store(next, Vec::new()).await?;
        }
        Ok(Then::Resume)
    }

    /// The events of the records, up to the first record that gives none.
    async fn decode(&self, records: &[RawRecord]) -> (Vec<Event>, Option<Stop>) {
        let mut events = Vec::with_capacity(records.len());
        for record in records {
            match self.event(record).await {
                Ok(event) => events.push(event),
                Err(stop) => return (events, Some(stop)),
            }
        }
        (events, None)
    }

    async fn event(&self, record: &RawRecord) -> Result<Event, Stop> {
        let offset = record.offset;
        let recorded = self.decoder.decode(record).await.map_err(|source| Stop::Undecodable { offset, source })?;
        let data = recorded.event.to_json().map_err(|source| Stop::Unrendered { offset, source })?;
        Ok(Event {
            name: recorded.event.name().to_owned(),
            seed_type: recorded.event.seed_type().map(str::to_owned),
            stream: recorded.stream,
            version: recorded.version,
            id: recorded.id,
            at: recorded.at,
            owner: recorded.owner,
            offset,
            data: data.to_string(),
            trace: recorded.traceparent.map(Into::into),
        })
    }
}

/// What is told of this event follows from its entering the feed. Of what is fed late, nothing follows any more.
fn follow(event: &mut Event, trace: &mut Batch) {
    let before = event.trace.take();
    if let Some(span) = trace.add(before.as_deref(), event.at.as_micros()) {
        span.set("orderflow.stream", || event.stream.to_string());
        span.set("orderflow.version", || i64::from(event.version.0));
        event.trace = span.traceparent();
    }
}

fn count(counts: Counts, newest: Timestamp) {
    let Counts { appended, duplicates, unfed, gaps } = counts;
    metrics::FED.add(appended);
    for (reason, count) in [("duplicate", duplicates), ("unfed", unfed), ("gap", gaps)] {
        metrics::passed(reason, count);
    }
    if appended > 0 {
        metrics::fed_after(clock::now_micros() - newest.as_micros());
    }
}
