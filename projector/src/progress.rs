//! One partition's way into the views: the documents that its events are folded onto are read, and the effect is written
//! together with the position behind it. If something stored turns out to be other than assumed, nothing is written, and it
//! is read again.

use std::time::Duration;

use read_model::{Applied, Batch, Park, Parking, Places, Source, Target};
use runtime::clock;
use schemas::{Position, StreamId, Timestamp, Version};
use views::View;

use crate::cache::Cache;
use crate::error::Stop;
use crate::fold::{Barred, Counts, Effect, Folded, fold};
use crate::metrics::{APPLY_SECONDS, BATCHES, EVENTS};
use crate::ports::Views;
use crate::read::Read;
use crate::work::{Load, Work};

/// One partition of one projection, as far as it has come. Whoever uses it resumes it first, and again after every
/// outcome but [`Projected::Stored`]. Dropping a call's future is as safe as a crash.
#[derive(Debug)]
pub struct Progress<V, R> {
    views: R,
    target: Target,
    source: Source,
    /// The stored position, as far as we know.
    base: Position,
    cache: Cache<V>,
    /// The documents that were made anew since somebody asked.
    repaired: Vec<StreamId>,
}

/// What became of records that were handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projected {
    /// Their effect is stored, and the position behind them.
    Stored,
    /// The stored position is another one than where they lie: nothing was written.
    Elsewhere,
}

impl<V: View, R: Views> Progress<V, R> {
    /// Nothing is known yet of the stored position.
    pub fn new(views: R, target: Target, source: Source) -> Self {
        Self { views, target, source, base: Position::default(), cache: Cache::default(), repaired: Vec::new() }
    }

    /// The stored position, as far as it is known.
    pub fn position(&self) -> Position {
        self.base
    }

    /// Goes to the stored position, from whatever state.
    pub async fn resume(&mut self) -> Result<(), Stop> {
        self.cache.clear();
        self.base = self.views.open(&self.target, &self.source).await?;
        Ok(())
    }

    /// From now on the documents of these streams, and of no others, are made anew from their events, as soon as these come
    /// by from the first version on; and each is taken out of the places named with it. Streams of other partitions are
    /// ignored.
    pub fn repair(&mut self, repairs: Places) {
        self.cache.repair(repairs);
    }

    /// The streams whose documents were made anew since the last call.
    pub fn take_repaired(&mut self) -> Vec<StreamId> {
        std::mem::take(&mut self.repaired)
    }

    /// Applies the records that lie at the position; those before one that stops the partition, if there is one.
    pub async fn project(&mut self, mut work: Work<V::Event>) -> Result<Projected, Stop> {
        self.cache.turn();
        // Folds the batch until it can be stored, each time with what the last attempt found out about it.
        loop {
            self.load(&work).await?;
            let effect = match fold(&mut self.cache, &work.records, &work.refused) {
                Ok(effect) => effect,
                Err(stopped) => {
                    // Fold again: with that record as refused, or only up to it where it stops the partition.
                    work.stopped(stopped);
                    continue;
                }
            };
            let first_barred = effect.barred.first().cloned();
            match self.store(&work.records, effect).await? {
                Applied::Done => return work.stop.map_or(Ok(Projected::Stored), Err),
                Applied::Refused { .. } => return Ok(Projected::Elsewhere),
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

    /// Moves the position to the start of a log that is another one than before. Views keep their versions, so what was
    /// applied before is recognised.
    pub(crate) async fn start_over(&mut self, start: i64) -> Result<(), Stop> {
        let next = Position { next: start, last: None };
        let batch = self.batch(next, Effect::default(), Parking::default());
        if self.views.apply(&batch).await? == Applied::Done {
            self.base = next;
        }
        Ok(())
    }

    /// Puts the views that the records need into the cache.
    async fn load(&mut self, work: &Work<V::Event>) -> Result<(), Stop> {
        let mut wanted: Vec<StreamId> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for record in &work.records {
            let stream = record.stream();
            let may_be_new = work.load == Load::Missing && !self.cache.is_in_repair(stream);
            let taken_as_new = may_be_new && record.version() == Some(Version::FIRST);
            if seen.insert(stream) && !taken_as_new && !self.cache.contains(stream) {
                wanted.push(stream.clone());
            }
        }
        let found = self.views.standings(&self.target, &wanted).await?;
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
        let (counts, repaired) = (effect.counts, std::mem::take(&mut effect.repaired));
        let parking = self.parking(&mut effect);
        let batch = self.batch(next, effect, parking);
        let (applied, outcome) = match self.views.apply(&batch).await? {
            // An earlier call stored it, and its reply was lost.
            Applied::Refused { stored } if stored == next => (Applied::Done, "done"),
            applied @ Applied::Done => (applied, "done"),
            applied @ Applied::Refused { .. } => (applied, "refused"),
            applied @ Applied::StaleDocuments => (applied, "stale"),
            applied @ Applied::Full { .. } => (applied, "full"),
        };
        let projection = self.target.projection;
        metrics::counter!(BATCHES.name, "projection" => projection, "outcome" => outcome).increment(1);
        if applied == Applied::Done {
            self.base = next;
            self.repaired.extend(repaired);
            self.say_parked(&batch.parking.parks);
            count(projection, counts, batch.parking.parks.len());
            if counts.applied > 0 {
                tell_age(projection, records);
            }
        }
        Ok(applied)
    }

    fn batch(&self, next: Position, effect: Effect, parking: Parking) -> Batch {
        let Effect { writes, gaps, .. } = effect;
        Batch { target: self.target, source: self.source.clone(), base: self.base, next, writes, gaps, parking }
    }

    /// What an effect says about streams that do not go on, in the read model's terms.
    fn parking(&self, effect: &mut Effect) -> Parking {
        let (barred, held) = (std::mem::take(&mut effect.barred), std::mem::take(&mut effect.held));
        let now = Timestamp::from_micros(clock::now_micros());
        let park = |Barred { from, refusal, .. }: Barred| {
            let stream = refusal.stream.clone();
            Park { stream, from, entry: refusal.entry(&self.source, now) }
        };
        Parking { parks: barred.into_iter().map(park).collect(), held }
    }

    /// Says it once per stream: somebody must look.
    fn say_parked(&self, parks: &[Park]) {
        let projection = self.target.projection;
        for Park { stream, entry, .. } in parks {
            let version = entry.version.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
            tracing::error!(
                projection,
                stream = stream.as_str(),
                version,
                partition = %self.source,
                offset = entry.offset,
                "{stream} is parked in {projection}, the others go on: {}; see `ops parked show`",
                entry.reason,
            );
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
