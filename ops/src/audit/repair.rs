//! `ops audit --repair`: documents that differ are made anew by whoever writes them, from their streams' events.
//!
//! Nothing here writes a view. The projector is told which documents it is to make anew, and their streams are published
//! again from the first version on, until each shows what its events come to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use read_model::Places;
use runtime::clock;
use schemas::{StreamId, Version};

use super::comparison::Comparison;
use super::finding::{Finding, Findings, Suspect};
use crate::Error;

/// Documents that are repaired together: their events come before new ones of their lanes.
const TOGETHER: usize = 200;
/// How long a projector may take to hear of a request, and then to read what is published again.
const HEARD: Duration = Duration::from_secs(2);
const ARRIVED: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(200);
/// How often streams are published again before a repair counts as failed.
const ATTEMPTS: u32 = 4;

/// Drifted documents by stream.
pub(super) type Drift = BTreeMap<StreamId, Suspect>;

impl Comparison {
    /// Has these documents made anew; returns those that were not in time.
    pub(super) async fn repair(&self, drift: &Drift) -> Result<BTreeSet<StreamId>, Error> {
        let mut failed = BTreeSet::new();
        let streams: Vec<_> = drift.keys().cloned().collect();
        for streams in streams.chunks(TOGETHER) {
            let strays = |stream: &StreamId| drift.get(stream).map(Suspect::strays).unwrap_or_default();
            let wanted = streams.iter().map(|stream| (stream.clone(), strays(stream))).collect();
            self.read_model.request_repairs(&self.target, &wanted).await?;
            let mut left: BTreeSet<StreamId> = streams.iter().cloned().collect();
            for _attempt in 0..ATTEMPTS {
                if left.is_empty() {
                    break;
                }
                tokio::time::sleep(HEARD).await;
                for stream in &left {
                    self.store.republisher().stream(stream, Version::FIRST).await?;
                }
                self.until_repaired(drift, &wanted, &mut left).await?;
            }
            self.read_model.end_repairs(&self.target, streams).await?;
            failed.append(&mut left);
        }
        Ok(failed)
    }

    /// Lets go of those that were made anew, until all were or it is time to publish them once more.
    async fn until_repaired(&self, drift: &Drift, strays: &Places, left: &mut BTreeSet<StreamId>) -> Result<(), Error> {
        let begun = clock::monotonic();
        while !left.is_empty() && begun.elapsed() < ARRIVED {
            tokio::time::sleep(LOOK).await;
            let mut found = Findings::default();
            let streams: Vec<_> = left.iter().cloned().collect();
            self.look(&streams, &mut found).await?;
            let astray = self.read_model.found_at(&self.target, strays).await?;
            left.retain(|stream| match (found.suspects.get(stream), drift.get(stream)) {
                _ if astray.contains_key(stream) => true,
                (Some(now), Some(before)) => !is_repaired(now, before),
                (Some(_), None) => true,
                (None, _) => false,
            });
        }
        Ok(())
    }
}

/// Whether a document that shows less than what was committed shows as much as it should have shown before, and rightly.
fn is_repaired(now: &Suspect, before: &Suspect) -> bool {
    match now.finding {
        Finding::Behind { shown, .. } => shown >= before.wanted,
        Finding::Differs { .. }
        | Finding::Other { .. }
        | Finding::Ahead { .. }
        | Finding::Misplaced { .. }
        | Finding::Astray { .. } => false,
    }
}
