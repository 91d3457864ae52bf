//! A batch of records on its way into the views: what was read, and what was found out about it so far.

use crate::error::Stop;
use crate::fold::{Barred, Refusals, Stopped, Why};
use crate::read::Read;

/// How often a batch is folded anew because documents were not what the cache thought.
const ATTEMPTS: u32 = 3;

/// Which views to read before a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Those that are not in the cache; a stream of which the first event comes is taken to be new.
    Missing,
    /// All of them.
    All,
}

/// The records that are to be applied, one after the other.
#[derive(Debug)]
pub struct Work<E> {
    pub(crate) records: Vec<Read<E>>,
    pub(crate) refused: Refusals,
    pub(crate) load: Load,
    /// Why the partition stops behind them.
    pub(crate) stop: Option<Stop>,
    attempts: u32,
}

impl<E> Work<E> {
    /// What was read; `stop` says why the partition stops behind it, if it does.
    pub fn new(records: Vec<Read<E>>, stop: Option<Stop>) -> Self {
        Self { records, refused: Refusals::new(), load: Load::Missing, stop, attempts: 0 }
    }

    /// The fold came to a record that it could not pass.
    pub(crate) fn stopped(&mut self, stopped: Stopped) {
        let Stopped { at, why } = stopped;
        match why {
            Why::Refused(refusal) => drop(self.refused.insert(at, refusal)),
            Why::Stop(stop) => self.stop_at(at, stop),
        }
    }

    /// What was folded on was not what is stored, so whatever was found out may be wrong, too.
    pub(crate) fn was_stale(&mut self) -> Result<(), Stop> {
        self.attempts += 1;
        if self.attempts == ATTEMPTS {
            return Err(self.stop.take().unwrap_or(Stop::Contended));
        }
        self.refused.clear();
        self.load = Load::All;
        Ok(())
    }

    /// No more streams may be parked: only what comes before the first that would have to be is applied.
    pub(crate) fn is_full(&mut self, barred: Option<Barred>, parked: usize) -> Result<(), Stop> {
        let Some(Barred { at, refusal, .. }) = barred else { return Err(Stop::Contended) };
        let (offset, stream, reason) = (refusal.offset, refusal.stream, refusal.reason);
        self.stop_at(at, Stop::TooManyParked { parked, offset, stream, reason });
        Ok(())
    }

    fn stop_at(&mut self, at: usize, stop: Stop) {
        self.records.truncate(at);
        self.stop = Some(stop);
    }
}
