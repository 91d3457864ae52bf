//! Silent tails: the log lost the last records of a stream although it had acknowledged them, so no later version tells.
//!
//! A view that is behind what was published is only a suspect: its projector may be about to get there. When the
//! projector says that it was at the end of the partition some time after the suspicion, and the view is still behind,
//! the record is not in the log, and the stream is published again from the version that is missing.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use bus::admin::PARTITIONS;
use event_store::{Head, Selection, Walk};
use read_model::Survey;
use runtime::clock::{self, Instant};
use schemas::{Aggregate, StreamId, Timestamp, Version};

use super::{Links, metrics, rest_from};
use crate::Error;
use crate::ends::{keeps_up, now_ms, was_at_the_end};
use crate::shown::{Shown, shown};

const EVERY: Duration = Duration::from_secs(2);
/// The commits that are looked at first: those that were stored last, and how many while little happens.
const RECENT: u32 = 500;
const FEW: u32 = 16;
/// Suspects that are remembered, and streams that are published again in one pass.
const MOST: usize = 10_000;
const MOST_AGAIN: usize = 200;
/// The longest wait between two attempts.
const LAST_RETRY_MS: i64 = 60_000;

/// A stream of which a view is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Suspect {
    /// What was published.
    version: Version,
    /// When that was known; a projector that was at the end later should have it.
    since_ms: i64,
    attempts: u32,
}

#[derive(Debug, Default)]
struct Tails {
    suspects: BTreeMap<StreamId, Suspect>,
    /// The youngest commit that was looked at.
    youngest: Option<Timestamp>,
    /// The look at everything, while it goes on.
    walk: Option<Walk>,
    /// When it goes on, or begins anew.
    next_step: Option<Instant>,
}

/// Looks for silent tails until shutdown.
pub(super) async fn reconcile(links: Links) -> Result<(), Infallible> {
    links.repeat(EVERY, Tails::default(), async |links: &Links, tails: &mut Tails| tails.pass(links).await).await
}

impl Tails {
    async fn pass(&mut self, links: &Links) -> Result<(), Error> {
        if links.alarm.is_raised() {
            return Ok(());
        }
        let views = kept_up(links).await?;
        let heads = self.recent(links).await?;
        self.suspect(links, &views, heads).await?;
        if self.suspects.len() < MOST {
            let heads = self.walk_on(links).await?;
            self.suspect(links, &views, heads).await?;
        }
        self.judge(links, &views).await?;
        metrics::SUSPECTS.set(metrics::count(self.suspects.len()));
        Ok(())
    }

    /// The heads of what was committed since the last pass, as far as it is among the last commits.
    async fn recent(&mut self, links: &Links) -> Result<Vec<Head>, Error> {
        let mut page = links.republisher.recent(FEW).await?;
        if page.heads().iter().all(|head| Some(head.at) > self.youngest) {
            page = links.republisher.recent(RECENT).await?;
        }
        links.notice.tell(&page.passed_over);
        let mut heads = page.published().heads();
        heads.retain(|head| Some(head.at) > self.youngest);
        self.youngest = heads.iter().map(|head| head.at).max().or(self.youngest);
        Ok(heads)
    }

    /// The next heads of the look at everything; none while it rests.
    async fn walk_on(&mut self, links: &Links) -> Result<Vec<Head>, Error> {
        let begun = clock::monotonic();
        if self.next_step.is_some_and(|next| begun < next) {
            return Ok(Vec::new());
        }
        let walk = self.walk.get_or_insert_with(|| links.republisher.walk(Selection::default()));
        let page = walk.next().await?;
        let mut rest = rest_from(begun);
        match &page {
            Some(page) => links.notice.tell(&page.passed_over),
            None => (self.walk, rest) = (None, links.rest),
        }
        self.next_step = Some(clock::monotonic() + rest);
        Ok(page.map(|page| page.published().heads()).unwrap_or_default())
    }

    /// Notes the streams of which some view is behind these heads.
    async fn suspect(&mut self, links: &Links, views: &[Shown], heads: Vec<Head>) -> Result<(), Error> {
        let now_ms = now_ms();
        for aggregate in Aggregate::ALL {
            let heads: Vec<_> = heads.iter().filter(|head| head.stream.aggregate() == aggregate).collect();
            let streams: Vec<_> = heads.iter().map(|head| head.stream.clone()).collect();
            for view in views.iter().filter(|view| view.projection.aggregate() == aggregate) {
                let reached = links.read_model.reached(view.sink(), &streams).await?;
                let behind = heads.iter().zip(reached).filter(|(head, reached)| reached.version < head.version);
                for (head, _) in behind {
                    let suspect = Suspect { version: head.version, since_ms: now_ms, attempts: 0 };
                    let suspect = self.suspects.entry(head.stream.clone()).or_insert(suspect);
                    // What came later has its own time to arrive.
                    if head.version > suspect.version {
                        (suspect.version, suspect.since_ms) = (head.version, now_ms);
                    }
                }
            }
        }
        Ok(())
    }

    /// Lets go of those that have arrived, and has published again what will not come by itself.
    async fn judge(&mut self, links: &Links, views: &[Shown]) -> Result<(), Error> {
        let mut behind: BTreeMap<StreamId, Version> = BTreeMap::new();
        let mut lost: BTreeMap<StreamId, Version> = BTreeMap::new();
        for view in views {
            let of_view: Vec<_> =
                self.suspects.iter().filter(|(stream, _)| stream.aggregate() == view.projection.aggregate()).collect();
            if of_view.is_empty() {
                continue;
            }
            let survey = links.read_model.survey(view.sink()).await?;
            let streams: Vec<_> = of_view.iter().map(|(stream, _)| (*stream).clone()).collect();
            let reached = links.read_model.reached(view.sink(), &streams).await?;
            for ((stream, suspect), reached) in of_view.into_iter().zip(reached) {
                if reached.version >= suspect.version {
                    continue;
                }
                behind.insert(stream.clone(), reached.version);
                if is_lost(stream, suspect, &survey) {
                    let from = lost.entry(stream.clone()).or_insert(reached.version.next());
                    *from = reached.version.next().min(*from);
                }
            }
        }
        self.suspects.retain(|stream, _| behind.contains_key(stream));
        for (stream, from) in lost.into_iter().take(MOST_AGAIN) {
            self.republish(links, &stream, from).await?;
        }
        Ok(())
    }

    async fn republish(&mut self, links: &Links, stream: &StreamId, from: Version) -> Result<(), Error> {
        let extent = links.republisher.stream(stream, from).await?;
        ::metrics::counter!(metrics::REPUBLISHED.name, "cause" => "tail").increment(1);
        tracing::warn!(
            stream = stream.as_str(),
            events = extent.events,
            "the log has lost the end of {stream}: published again from version {from}"
        );
        if let Some(suspect) = self.suspects.get_mut(stream) {
            suspect.since_ms = now_ms() + retry_ms(suspect.attempts);
            suspect.attempts += 1;
        }
        Ok(())
    }
}

/// The views that are to have everything: those that readers see, and those beside them that go along with the log, as one
/// that was filled and is about to be switched to. One that is still being filled need not be as far, and one that nobody
/// feeds any more never will be.
async fn kept_up(links: &Links) -> Result<Vec<Shown>, Error> {
    let mut views = Vec::new();
    for view in shown(&links.read_model).await? {
        if view.live || goes_along(&links.read_model.survey(view.sink()).await?, now_ms()) {
            views.push(view);
        }
    }
    Ok(views)
}

/// Whether every partition is read, and was at its end lately.
fn goes_along(Survey { at_end_ms, .. }: &Survey, now_ms: i64) -> bool {
    let partitions = i32::try_from(at_end_ms.len()).unwrap_or(i32::MAX);
    partitions >= PARTITIONS && at_end_ms.values().all(|at_ms| keeps_up(*at_ms, now_ms))
}

/// Whether the projector was at the end of the log after the event should have been there. Gaps and parked streams are
/// somebody else's.
fn is_lost(stream: &StreamId, suspect: &Suspect, survey: &Survey) -> bool {
    let known = survey.parked.contains(stream) || survey.gaps.iter().any(|gap| gap.stream == *stream);
    !known && was_at_the_end(&survey.at_end_ms, stream, suspect.since_ms)
}

fn retry_ms(attempts: u32) -> i64 {
    2_i64.saturating_pow(attempts).saturating_mul(2_000).min(LAST_RETRY_MS)
}

#[cfg(test)]
mod tests {
    use read_model::{Gap, Source};
    use schemas::OrderId;

    use super::*;
    use crate::ends::source_of;

    /// A suspicion of second 10, judged when the projector was last at the end at this time.
    fn check(at_end_ms: i64, change: impl Fn(&StreamId, &mut Survey)) -> bool {
        let stream = OrderId::from_bits(1).stream().clone();
        let suspect = Suspect { version: Version(3), since_ms: 10_000, attempts: 0 };
        let mut survey = Survey::default();
        survey.at_end_ms.insert(source_of(&stream), at_end_ms);
        change(&stream, &mut survey);
        is_lost(&stream, &suspect, &survey)
    }

    #[test]
    fn only_a_projector_that_was_at_the_end_later_shows_that_the_log_has_lost_something() {
        assert!(!check(0, |_, _| ()), "it was never there");
        assert!(!check(10_500, |_, _| ()), "clocks differ a little");
        assert!(check(12_001, |_, _| ()));
        assert!(!check(12_001, |stream, survey| survey.parked.extend([stream.clone()])));
        let gap = |stream: &StreamId| Gap { stream: stream.clone(), highest: Version(3) };
        assert!(!check(12_001, |stream, survey| survey.gaps.push(gap(stream))));
    }

    #[test]
    fn a_generation_beside_the_live_one_is_to_have_everything_while_it_keeps_up_in_every_partition() {
        let source = |partition| Source { topic: "orders.events.v1".into(), partition };
        let check = |stamps: &[i64]| {
            let at_end_ms = (0..).zip(stamps).map(|(partition, at_ms)| (source(partition), *at_ms)).collect();
            goes_along(&Survey { at_end_ms, ..Survey::default() }, 100_000)
        };
        assert!(check(&[99_000; 12]));
        assert!(!check(&[99_000; 11]), "nobody has begun with the last one");
        let mut stamps = [99_000; 12];
        stamps[7] = 0;
        assert!(!check(&stamps), "one of them is still being read for the first time");
        assert!(!check(&[39_000; 12]), "nobody feeds it any more");
    }

    #[test]
    fn attempts_are_made_ever_more_rarely() {
        assert_eq!([0, 1, 2, 20, 63].map(retry_ms), [2_000, 4_000, 8_000, 60_000, 60_000]);
    }
}
