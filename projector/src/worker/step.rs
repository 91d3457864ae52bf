//! From a batch of records to the stored effect.

use bus::{LogChanged, RawRecord};
use read_model::{Applied, Batch, Position};
use runtime::clock;
use schemas::{Event, StreamId, Version};
use views::View;

use super::{Then, Worker};
use crate::error::Stop;
use crate::fold::{Effect, Folded, Read, Stopped, fold};
use crate::metrics::{BATCH_SECONDS, BATCHES, EVENTS, LOG_CHANGED};

/// How often a batch is folded anew because documents were not what the cache thought.
const ATTEMPTS: u32 = 3;

/// Which views to read before a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    /// Those that are not in the cache; a stream of which the first event comes is taken to be new.
    Missing,
    /// All of them.
    All,
}

impl<V: View> Worker<V> {
    /// Applies records; those before one that cannot be applied, if there is one.
    pub(super) async fn project(&mut self, records: &[RawRecord]) -> Result<Then, Stop> {
        if records.first().is_some_and(|record| record.offset != self.base.next) {
            return Ok(Then::Resume);
        }
        let began = clock::monotonic();
        self.cache.turn();
        let (mut events, mut stop) = self.decode(records).await;
        let mut load = Load::Missing;
        for _ in 0..ATTEMPTS {
            self.load(&events, load).await?;
            let effect = match fold(&mut self.cache, &events) {
                Ok(effect) => effect,
                Err(Stopped { at, stop: earlier }) => {
                    events.truncate(at);
                    stop = Some(earlier);
                    continue;
                }
            };
            match self.store(&events, effect).await? {
                Applied::Done => {
                    let projection = self.links.target.projection;
                    metrics::histogram!(BATCH_SECONDS.name, "projection" => projection).record(began.elapsed());
                    return match stop {
                        Some(stop) => Err(stop),
                        None => Ok(self.went_on()),
                    };
                }
                Applied::Refused { .. } => return Ok(Then::Resume),
                Applied::StaleDocuments => {
                    self.cache.clear();
                    load = Load::All;
                }
            }
        }
        Err(stop.unwrap_or(Stop::Contended))
    }

    fn went_on(&mut self) -> Then {
        self.place.going();
        self.feed.stored(self.base.next);
        Then::GoOn
    }

    /// The log is another one than before: reads it from its start. Views keep their versions, so what was applied
    /// before is recognised.
    pub(super) async fn start_over(&mut self, changed: &LogChanged) -> Result<Then, Stop> {
        if changed.next != self.base.next {
            return Ok(Then::Resume);
        }
        let projection = self.links.target.projection;
        tracing::error!(
            projection,
            topic = &*changed.topic,
            partition = changed.partition,
            "{changed}; {projection} reads it again from its start; run a reconciliation"
        );
        metrics::counter!(LOG_CHANGED.name, "projection" => projection).increment(1);
        self.place.rewound(format!("{changed}; reading again from the start"));
        let next = Position { next: changed.start, last: None };
        let batch = self.batch(next, Effect::default());
        if self.links.read_model.apply(&batch).await? == Applied::Done {
            self.base = next;
        }
        Ok(Then::Resume)
    }

    /// The events of the records, up to the first record that gives none.
    async fn decode(&self, records: &[RawRecord]) -> (Vec<Read<V::Event>>, Option<Stop>) {
        let mut events = Vec::with_capacity(records.len());
        for record in records {
            let offset = record.offset;
            let recorded = match self.links.decoder.decode(record).await {
                Ok(recorded) => recorded,
                Err(source) => {
                    let stream = String::from_utf8_lossy(&record.key).into_owned();
                    return (events, Some(Stop::Undecodable { offset, stream, source: Box::new(source) }));
                }
            };
            let mut event = None;
            let envelope = recorded.map(|any| event = V::Event::from_any(any));
            let Some(event) = event else {
                return (events, Some(Stop::Foreign { offset, stream: envelope.stream }));
            };
            events.push(Read { offset, recorded: envelope.map(|()| event) });
        }
        (events, None)
    }

    /// Puts the views that the events need into the cache.
    async fn load(&mut self, events: &[Read<V::Event>], load: Load) -> Result<(), Stop> {
        let mut wanted: Vec<StreamId> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for Read { recorded, .. } in events {
            let taken_as_new = load == Load::Missing && recorded.version == Version::FIRST;
            if seen.insert(&recorded.stream) && !taken_as_new && !self.cache.contains(&recorded.stream) {
                wanted.push(recorded.stream.clone());
            }
        }
        let found = self.links.read_model.documents(&self.links.target, &wanted).await?;
        for (stream, document) in wanted.into_iter().zip(found) {
            if let Some(document) = document {
                let folded = Folded::stored(&stream, document)?;
                self.cache.insert(stream, folded);
            }
        }
        Ok(())
    }

    /// Writes an effect. `Done` also means that these records turned out to be applied already: the stored position is
    /// the one behind them, as after a lost reply.
    async fn store(&mut self, events: &[Read<V::Event>], effect: Effect) -> Result<Applied, Stop> {
        let Some(last) = events.last() else { return Ok(Applied::Done) };
        let next = Position { next: last.offset + 1, last: Some(last.recorded.id) };
        let counts = [("applied", effect.applied), ("duplicate", effect.duplicates), ("gap", effect.behind_gap)];
        let batch = self.batch(next, effect);
        let (applied, outcome) = match self.links.read_model.apply(&batch).await? {
            Applied::Refused { stored } if stored == next => (Applied::Done, "done"),
            applied @ Applied::Done => (applied, "done"),
            applied @ Applied::Refused { .. } => (applied, "refused"),
            applied @ Applied::StaleDocuments => (applied, "stale"),
        };
        let projection = self.links.target.projection;
        metrics::counter!(BATCHES.name, "projection" => projection, "outcome" => outcome).increment(1);
        if applied == Applied::Done {
            self.base = next;
            for (outcome, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
                metrics::counter!(EVENTS.name, "projection" => projection, "outcome" => outcome).increment(count);
            }
        }
        Ok(applied)
    }

    fn batch(&self, next: Position, effect: Effect) -> Batch {
        let Effect { writes, gaps, .. } = effect;
        Batch { target: self.links.target, source: self.source.clone(), base: self.base, next, writes, gaps }
    }
}
