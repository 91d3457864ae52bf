//! `ops audit --repair`: documents that differ are made anew by whoever writes them, from their streams' events.
//!
//! Nothing here writes a view. The projector is told which documents it is to make anew, and their streams are published
//! again from the first version on, until each shows what its events come to. A stream that is parked is let go before: it
//! may be parked because its document was wrong, and nothing is made anew of what takes nothing.

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
/// How long a request counts: for longer than one attempt, and for no longer than poison may go unseen if this is cut short.
const REQUEST_LASTS: Duration = Duration::from_secs(120);
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
            let wanted: Places = streams.iter().map(|stream| (stream.clone(), strays(stream))).collect();
            let mut left: BTreeSet<StreamId> = streams.iter().cloned().collect();
            for _attempt in 0..ATTEMPTS {
                if left.is_empty() {
                    break;
                }
                let asked = left.iter().map(|stream| (stream.clone(), strays(stream))).collect();
                self.read_model.request_repairs(&self.target, &asked, REQUEST_LASTS).await?;
                tokio::time::sleep(HEARD).await;
                self.let_go(&left).await?;
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

    /// Lets those go on that are parked. What they cannot take with the right document either parks them again.
    async fn let_go(&self, streams: &BTreeSet<StreamId>) -> Result<(), Error> {
        for parked in self.read_model.parked(&self.target).await? {
            if streams.contains(&parked.stream) {
                let head = self.store.republisher().heads(std::slice::from_ref(&parked.stream)).await?.pop().flatten();
                let head = head.map_or(Version::NONE, |head| head.version);
                self.read_model.redrive(&self.target, &parked, head).await?;
            }
        }
        Ok(())
    }

    /// Forgets those that were made anew, until all were or it is time to publish them once more.
    async fn until_repaired(&self, drift: &Drift, strays: &Places, left: &mut BTreeSet<StreamId>) -> Result<(), Error> {
        let begun = clock::monotonic();
        while !left.is_empty() && begun.elapsed() < ARRIVED {
            tokio::time::sleep(LOOK).await;
            let mut found = Findings::default();
            let streams: Vec<_> = left.iter().cloned().collect();
            self.look(&streams, &mut found).await?;
            let astray = self.read_model.found_at(&self.target, strays).await?;
            let is_done =
                |stream: &StreamId| drift.get(stream).is_some_and(|before| is_repaired(stream, before, &found));
            left.retain(|stream| astray.contains_key(stream) || !is_done(stream));
        }
        Ok(())
    }
}

/// Whether a document is right. One that shows less than what was committed, because more came or because its stream is
/// parked, must show as much as it should have shown before.
fn is_repaired(stream: &StreamId, before: &Suspect, now: &Findings) -> bool {
    match now.suspects.get(stream).map(|suspect| &suspect.finding) {
        None => now.troubled.get(stream).is_none_or(|shown| *shown >= before.wanted),
        Some(Finding::Behind { shown, .. }) => *shown >= before.wanted,
        Some(
            Finding::Differs { .. }
            | Finding::Other { .. }
            | Finding::Ahead { .. }
            | Finding::Misplaced { .. }
            | Finding::Astray { .. }
            | Finding::Moved { .. },
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use schemas::OrderId;

    use super::*;

    /// Whether a document that was not there, of three versions, counts as repaired if it is found like this.
    fn check(finding: Option<Finding>, parked: Option<u32>) -> bool {
        let (stream, mut before, mut now) =
            (OrderId::from_bits(1).stream().clone(), Findings::default(), Findings::default());
        before.note(&stream, Finding::Behind { shown: Version::NONE, head: Version(3) }, (true, 0));
        now.troubled.extend(parked.map(|shown| (stream.clone(), Version(shown))));
        if let Some(finding) = finding {
            now.note(&stream, finding, (true, 0));
        }
        is_repaired(&stream, &before.suspects[&stream], &now)
    }

    #[test]
    fn a_document_of_a_parked_stream_is_repaired_only_if_it_shows_rightly_what_it_should_have_shown() {
        assert!(check(None, None), "it is right");
        assert!(check(Some(Finding::Behind { shown: Version(3), head: Version(4) }), None), "more came meanwhile");
        assert!(!check(Some(Finding::Behind { shown: Version(2), head: Version(4) }), None));
        assert!(!check(Some(Finding::Moved { version: Version(3) }), None), "it is not known yet");
        assert!(!check(Some(Finding::Differs { version: Version(3) }), Some(3)));
        assert!(!check(None, Some(0)), "it is still not there");
        assert!(check(None, Some(3)), "what parked it came later");
    }
}
