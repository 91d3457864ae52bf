//! Records are copied into a topic of their own, as they are, and say that they are copies.

use std::io::Write as _;
use std::time::Duration;

use bus::log::{Copies, End, Log, REPLAY_OF, Span};
use runtime::clock::{self, Instant};

use super::{failed, items, records};
use crate::Error;
use crate::cli::ReplayCommand;
use crate::plan::{Action, Plan};
use crate::projections::refused;

/// How often it is said how far it is.
const TELL: Duration = Duration::from_secs(5);

/// Copies these spans, at the rate that was asked for.
pub(super) async fn copy(wish: &ReplayCommand, mut log: Log, spans: &[Span], target: &str) -> Result<Plan, Error> {
    if Log::open(&wish.kafka, target).await.map_err(failed)?.is_none() {
        return Ok(refused(target, "there is no such topic, and replays make none: make it as its readers want it"));
    }
    let spans: Vec<_> = spans.iter().filter(|span| span.records() > 0).copied().collect();
    let goal = records(&spans);
    let pace = match wish.rate {
        0 => "as fast as can be".to_owned(),
        rate => format!("about {} s at {rate} records/s", goal.div_ceil(u64::from(rate))),
    };
    let whole = format!("{goal} records, {pace}, each with the header {REPLAY_OF}");
    let each = |span: &Span| {
        let state = format!("offsets {} to {}: {} records", span.from, span.until - 1, span.records());
        (Action::Change, state)
    };
    let items = items(format!("{} to {target}", wish.topic), whole, &wish.topic, &spans, each);
    if wish.execute {
        let copies = Copies::connect(&wish.kafka, target).map_err(failed)?;
        log.read(&spans, End::OfSpans).await.map_err(failed)?;
        let mut progress = Progress::new(goal, wish.rate);
        let copied = progress.copy(&mut log, &copies).await;
        copied.map_err(|source| Error::Replay { done: progress.done, goal, source: Box::new(source) })?;
    }
    Ok(Plan { executed: wish.execute, items })
}

/// How many were copied, and how fast they may be.
struct Progress {
    begun: Instant,
    told: Instant,
    done: u64,
    goal: u64,
    rate: u32,
}

impl Progress {
    fn new(goal: u64, rate: u32) -> Self {
        let now = clock::monotonic();
        Self { begun: now, told: now, done: 0, goal, rate }
    }

    async fn copy(&mut self, log: &mut Log, copies: &Copies) -> Result<(), bus::Error> {
        // A tenth of a second's share at most goes out at once.
        let together = if self.rate == 0 { usize::MAX } else { usize::try_from(self.rate / 10).unwrap_or(1).max(1) };
        while let Some(records) = log.next().await? {
            for some in records.chunks(together) {
                copies.write(some).await?;
                self.done += u64::try_from(some.len()).unwrap_or_default();
                self.tell();
                if self.rate > 0 {
                    tokio::time::sleep_until(self.begun + due(self.done, self.rate)).await;
                }
            }
        }
        Ok(())
    }

    /// A line from time to time; on standard error, so that the answer stays alone on standard output.
    fn tell(&mut self) {
        if self.told.elapsed() >= TELL {
            self.told = clock::monotonic();
            let left = match self.rate {
                0 => String::new(),
                rate => format!(", {} s left", self.goal.saturating_sub(self.done).div_ceil(u64::from(rate))),
            };
            let _nobody_reads = writeln!(std::io::stderr(), "{} of {} records{left}", self.done, self.goal);
        }
    }
}

/// When so many records may have been copied.
fn due(done: u64, rate: u32) -> Duration {
    Duration::from_millis(done.saturating_mul(1_000) / u64::from(rate.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_says_when_so_many_records_are_due() {
        assert_eq!(due(0, 10), Duration::ZERO);
        assert_eq!(due(25, 10), Duration::from_millis(2_500));
    }
}
