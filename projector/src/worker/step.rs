//! From a batch of raw records to the stored effect.

use bus::{LogChanged, RawRecord};
use read_model::Target;
use runtime::clock;
use runtime::trace::{Batch, Kind};
use views::View;

use super::{Then, Worker};
use crate::error::Stop;
use crate::metrics::{BATCH_SECONDS, LOG_CHANGED};
use crate::progress::Projected;
use crate::read::Read;

impl<V: View> Worker<V> {
    /// Applies records; those before one that stops the partition, if there is one.
    pub(super) async fn project(&mut self, records: &[RawRecord]) -> Result<Then, Stop> {
        if records.first().is_some_and(|record| record.offset != self.progress.position().next) {
            return Ok(Then::Resume);
        }
        self.hear_repairs();
        let began = clock::monotonic();
        let mut trace = Batch::begin(Kind::Consumer, "project");
        let work = self.read(records).await;
        work.records.iter().for_each(|record| self.trace(record, &mut trace));
        let projected = self.progress.project(work).await;
        if projected.is_err() {
            trace.failed("the partition stands still");
        }
        match projected? {
            Projected::Stored => {
                self.tell_repaired().await?;
                let projection = self.links.target.projection;
                metrics::histogram!(BATCH_SECONDS.name, "projection" => projection).record(began.elapsed());
                Ok(self.went_on())
            }
            Projected::Elsewhere => Ok(Then::Resume),
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
        self.feed.stored(self.progress.position());
        Then::GoOn
    }

    /// The log is another one than before: reads it from its start.
    pub(super) async fn start_over(&mut self, changed: &LogChanged) -> Result<Then, Stop> {
        if changed.next != self.progress.position().next {
            return Ok(Then::Resume);
        }
        let projection = self.links.target.projection;
        tracing::error!(
            projection,
            topic = &*changed.topic,
            partition = changed.partition,
            "{changed}; {projection} reads it again from its start, and the steward has what is missing published again: see \
             docs/runbooks/log-lost.md"
        );
        metrics::counter!(LOG_CHANGED.name, "projection" => projection).increment(1);
        self.place.rewound(format!("{changed}; reading again from the start"));
        self.progress.start_over(changed.start).await?;
        Ok(Then::Resume)
    }
}
