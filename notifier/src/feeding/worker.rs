//! The work on one partition: take records, append their events, move on.

use std::time::Duration;

use bus::{DecodeFailure, Decoder, FeedError, LogChanged, PartitionFeed, RawRecord};
use read_model::feeds::{Appended, Batch, Counts, Event};
use read_model::{MAX_BATCH, Position, ReadModel, Source};
use runtime::backoff::Backoff;
use runtime::{Shutdown, clock};
use schemas::{EncodeError, Timestamp};
use tokio::sync::watch;

use super::on_bus;
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
    #[error("the feeds cannot be written")]
    Feeds(#[from] read_model::Error),
    #[error(transparent)]
    Log(FeedError),
}

impl Worker {
    pub(super) fn new(feed: PartitionFeed, decoder: Decoder, read_model: ReadModel, troubles: &Troubles) -> Self {
        let source = Source { topic: feed.topic.clone(), partition: feed.partition };
        let (reconnections, place) = (read_model.reconnections(), troubles.place(source.clone()));
        Self { feed, decoder, read_model, reconnections, place, source, base: Position::default() }
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
        self.feed.seek(on_bus(self.base));
        Ok(Then::GoOn)
    }

    async fn turn(&mut self) -> Result<Then, Stop> {
        let batch = tokio::select! {
            biased;
            // Redis may have been restarted and may have lost its last writes.
            Ok(()) = self.reconnections.changed() => return Ok(Then::Resume),
            batch = self.feed.batch(MAX_BATCH) => batch,
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
        let (events, stop) = self.decode(records).await;
        let Some(last) = events.last() else { return stop.map_or(Ok(Then::GoOn), Err) };
        let next = Position { next: last.offset + 1, last: Some(last.id) };
        let newest = last.at;
        let Some(counts) = self.store(next, events).await? else { return Ok(Then::Resume) };
        count(counts, newest);
        if let Some(stop) = stop {
            return Err(stop);
        }
        self.place.going();
        self.feed.stored(self.base.next);
        Ok(Then::GoOn)
    }

    /// `None` if the feeds have another position than we thought. An answer that was lost shows as that, too.
    async fn store(&mut self, next: Position, events: Vec<Event>) -> Result<Option<Counts>, Stop> {
        let now = Timestamp::from_micros(clock::now_micros());
        let batch = Batch { source: self.source.clone(), base: self.base, next, now, events };
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
        })
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
