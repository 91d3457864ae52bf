//! From a batch of records to the stored effect.

use std::time::Duration;

use bus::{LogChanged, RawRecord};
use read_model::{Applied, Parking, Position, Target};
use runtime::clock::{self, Instant};
use runtime::trace::{Batch, Kind};
use schemas::{StreamId, Version};
use views::View;

use super::work::{Load, Work};
use super::{Then, Worker};
use crate::error::Stop;
use crate::fold::{Counts, Effect, Folded, fold};
use crate::metrics::{APPLY_SECONDS, BATCH_SECONDS, BATCHES, EVENTS, LOG_CHANGED};
use crate::read::Read;

impl<V: View> Worker<V> {
    /// Applies records; those before one that stops the partition, if there is one.
    pub(super) async fn project(&mut self, records: &[RawRecord]) -> Result<Then, Stop> {
        if records.first().is_some_and(|record| record.offset != self.base.next) {
            return Ok(Then::Resume);
        }
        let began = clock::monotonic();
        self.cache.turn();
        let mut trace = Batch::begin(Kind::Consumer, "project");
        let work = self.read(records).await;
        work.records.iter().for_each(|record| self.trace(record, &mut trace));
        let done = self.work_off(work, began).await;
        if done.is_err() {
            trace.failed("the partition stands still");
        }
        done
    }

    async fn work_off(&mut self, mut work: Work<V::Event>, began: Instant) -> Result<Then, Stop> {
        loop {
            self.load(&work).await?;
            let effect = match fold(&mut self.cache, &work.records, &work.refused) {
                Ok(effect) => effect,
                Err(stopped) => {
                    work.stopped(stopped);
                    continue;
                }
            };
            let first_barred = effect.barred.first().cloned();
            match self.store(&work.records, effect).await? {
                Applied::Done => {
                    let projection = self.links.target.projection;
                    metrics::histogram!(BATCH_SECONDS.name, "projection" => projection).record(began.elapsed());
                    return match work.stop {
                        Some(stop) => Err(stop),
                        None => Ok(self.went_on()),
                    };
                }
                Applied::Refused { .. } => return Ok(Then::Resume),
                Applied::StaleDocuments => {
                    self.cache.clear();
                    work.was_stale()?;
                }
                Applied::Full { parked } => {
                    self.cache.clear();
                    work.is_full(first_barred, parked)?;
                }
            }
        }
    }

    fn trace(&self, record: &Read<V::Event>, trace: &mut Batch) {
        let Read::Event { recorded, .. } = record else { return };
        if let Some(span) = trace.add(recorded.traceparent.as_deref(), recorded.at.as_micros()) {
            let Target { projection, generation } = self.links.target;
            span.set("orderflow.projection", || projection);
            span.set("orderflow.generation", || generation.to_string());
            span.set("orderflow.stream", || recorded.stream.to_string());
            span.set("orderflow.version", || i64::from(recorded.version.0));
        }
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
        let batch = self.batch(next, Effect::default(), Parking::default());
        if self.links.read_model.apply(&batch).await? == Applied::Done {
            self.base = next;
        }
        Ok(Then::Resume)
    }

    /// Puts the views that the records need into the cache.
    async fn load(&mut self, work: &Work<V::Event>) -> Result<(), Stop> {
        let mut wanted: Vec<StreamId> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for record in &work.records {
            let stream = record.stream();
            let taken_as_new = work.load == Load::Missing && record.version() == Some(Version::FIRST);
            if seen.insert(stream) && !taken_as_new && !self.cache.contains(stream) {
                wanted.push(stream.clone());
            }
        }
        let found = self.links.read_model.standings(&self.links.target, &wanted).await?;
        for (stream, standing) in wanted.into_iter().zip(found) {
            self.cache.insert(stream, Folded::of(standing));
        }
        Ok(())
    }

    /// Writes an effect. `Done` also means that these records turned out to be applied already: the stored position is
    /// the one behind them, as after a lost reply.
    async fn store(&mut self, records: &[Read<V::Event>], mut effect: Effect) -> Result<Applied, Stop> {
        let Some(last) = records.last() else { return Ok(Applied::Done) };
        let next = Position { next: last.offset() + 1, last: last.id() };
        let counts = effect.counts;
        let parking = self.parking(&mut effect);
        let batch = self.batch(next, effect, parking);
        let (applied, outcome) = match self.links.read_model.apply(&batch).await? {
            Applied::Refused { stored } if stored == next => (Applied::Done, "done"),
            applied @ Applied::Done => (applied, "done"),
            applied @ Applied::Refused { .. } => (applied, "refused"),
            applied @ Applied::StaleDocuments => (applied, "stale"),
            applied @ Applied::Full { .. } => (applied, "full"),
        };
        let projection = self.links.target.projection;
        metrics::counter!(BATCHES.name, "projection" => projection, "outcome" => outcome).increment(1);
        if applied == Applied::Done {
            self.base = next;
            self.say_parked(&batch.parking.parks);
            count(projection, counts, batch.parking.parks.len());
            if counts.applied > 0 {
                tell_age(projection, records);
            }
        }
        Ok(applied)
    }

    fn batch(&self, next: Position, effect: Effect, parking: Parking) -> read_model::Batch {
        let Effect { writes, gaps, .. } = effect;
        read_model::Batch {
            target: self.links.target,
            source: self.source.clone(),
            base: self.base,
            next,
            writes,
            gaps,
            parking,
        }
    }
}

/// How old the newest of these is, now that it can be seen.
fn tell_age<E>(projection: &'static str, records: &[Read<E>]) {
    let newest = records.iter().rev().find_map(Read::at);
    let age = newest.map(|at| clock::now_micros().saturating_sub(at.as_micros()));
    if let Some(age) = age.and_then(|age| u64::try_from(age).ok()) {
        metrics::histogram!(APPLY_SECONDS.name, "projection" => projection).record(Duration::from_micros(age));
    }
}

fn count(projection: &'static str, counts: Counts, parks: usize) {
    let Counts { applied, duplicates, behind_gap, behind_parked } = counts;
    let parked = u64::try_from(parks).unwrap_or(u64::MAX);
    let outcomes = [
        ("applied", applied),
        ("duplicate", duplicates),
        ("gap", behind_gap),
        ("parked", parked),
        ("behind_parked", behind_parked),
    ];
    for (outcome, count) in outcomes.into_iter().filter(|(_, count)| *count > 0) {
        metrics::counter!(EVENTS.name, "projection" => projection, "outcome" => outcome).increment(count);
    }
}
