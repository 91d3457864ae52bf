//! Lost logs: a topic that holds fewer records than events were published into it has lost some, or was made anew.
//! Nothing is ever removed from a topic by itself, so the numbers tell. All of its aggregate's events are published
//! again then, behind whatever is new: readers that have them skip them, new readers get all.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use bus::inventory::Held;
use event_store::Selection;
use runtime::clock::{self, Instant};
use schemas::Aggregate;

use super::{Links, metrics};
use crate::Error;

const EVERY: Duration = Duration::from_secs(5);
/// How often everything is counted although no topic became smaller.
const COUNT: Duration = Duration::from_secs(3600);
/// How often it is said that topics wait to be compared.
const TELL: Duration = Duration::from_secs(600);
/// Between two pages of commits that are counted or marked.
const BREATH: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
struct Logs {
    /// What the partitions of each topic held when it was last looked at; a topic that is not there held nothing.
    held: BTreeMap<Aggregate, Vec<Held>>,
    /// The topics that are to be compared with what was published.
    due: BTreeSet<Aggregate>,
    /// Those of them that lost something for certain. What is there twice could make up for it in number.
    lost: BTreeSet<Aggregate>,
    counted: Option<Instant>,
    /// When it is said next that topics wait to be compared.
    tell: Option<Instant>,
}

/// Looks after the topics until shutdown.
pub(super) async fn look_after(links: Links) -> Result<(), Infallible> {
    links.repeat(EVERY, Logs::default(), async |links: &Links, logs: &mut Logs| logs.pass(links).await).await
}

impl Logs {
    async fn pass(&mut self, links: &Links) -> Result<(), Error> {
        let held = topics(links).await?;
        for (aggregate, held) in &held {
            let records = usize::try_from(records(held)).unwrap_or_default();
            ::metrics::gauge!(metrics::RECORDS.name, "topic" => aggregate.topic()).set(metrics::count(records));
        }
        self.note(held);
        if links.alarm.is_raised() || self.due.is_empty() {
            return Ok(());
        }
        // What is under way must arrive before it makes sense to count again.
        let under_way = links.again.backlog(1).await? > 0;
        self.tell_if_it_lasts(under_way);
        if under_way {
            return Ok(());
        }
        for aggregate in self.due.clone() {
            let published = walk(links, aggregate, Wish::Count).await?;
            // Looked at later than what it is compared with, so whatever was published then is there now.
            let Some(records) = topics(links).await?.get(&aggregate).map(|held| records(held)) else { continue };
            let verdict = published.judge(records, self.lost.remove(&aggregate));
            published.tell(aggregate.topic(), records, verdict);
            match verdict {
                // Of one that cannot be judged, what was counted says the same at once again: so in an hour.
                Verdict::Whole | Verdict::Unknown => _ = self.due.remove(&aggregate),
                Verdict::Lost => {
                    metrics::LOST_LOGS.add(1);
                    walk(links, aggregate, Wish::Mark).await?;
                }
            }
        }
        Ok(())
    }

    /// Says aloud from time to time that nothing is counted: one commit that cannot be published again is enough for that.
    fn tell_if_it_lasts(&mut self, under_way: bool) {
        if !under_way {
            self.tell = None;
            return;
        }
        let now = clock::monotonic();
        let tell = self.tell.get_or_insert(now + TELL);
        if *tell <= now {
            *tell = now + TELL;
            let due: Vec<_> = self.due.iter().map(|aggregate| aggregate.topic()).collect();
            let due = due.join(", ");
            tracing::warn!(due, "Not compared with MongoDB are {due}: commits still wait to be published again");
        }
    }

    /// Finds out which topics are to be compared: those that were not yet, and those that lost something or came back. A
    /// topic that was made anew may soon hold as many records as before, but hardly in each of its partitions.
    fn note(&mut self, held: BTreeMap<Aggregate, Vec<Held>>) {
        if self.counted.is_none_or(|counted| counted.elapsed() >= COUNT) {
            self.counted = Some(clock::monotonic());
            self.due.extend(Aggregate::ALL);
        }
        for (aggregate, now) in &held {
            match self.held.get(aggregate).map(|before| lost_something(before, now)) {
                Some(false) => {}
                Some(true) => {
                    self.lost.insert(*aggregate);
                    self.due.insert(*aggregate);
                }
                None => _ = self.due.insert(*aggregate),
            }
        }
        self.held = held;
    }
}

/// Whether records are gone that were there before: logs only ever grow at their end.
fn lost_something(before: &[Held], now: &[Held]) -> bool {
    let shorter = |(before, now): (&Held, &Held)| now.end < before.end || now.start > before.start;
    now.len() < before.len() || before.iter().zip(now).any(shorter)
}

/// How many records that are.
fn records(held: &[Held]) -> i64 {
    held.iter().map(|held| held.end - held.start).sum()
}

/// What the partitions of each topic hold, of those that are there.
async fn topics(links: &Links) -> Result<BTreeMap<Aggregate, Vec<Held>>, Error> {
    links.inventory.topics().await.map_err(|source| Error::Logs { source })
}

/// What to do with published commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Count,
    Mark,
}

/// What was published into a topic, as far as this build can read it.
#[derive(Debug, Clone, Copy, Default)]
struct Published {
    events: u64,
    /// Commits that it cannot: their events are in the topic, too, and nobody knows how many those are.
    passed_over: u64,
}

/// What the number of a topic's records tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Whole,
    Lost,
    /// It may have lost as many as it holds of commits that were passed over.
    Unknown,
}

impl Published {
    /// Whether a topic of so many records has all of it; `lost` says that it lost something for certain.
    fn judge(self, records: i64, lost: bool) -> Verdict {
        if lost || u64::try_from(records).unwrap_or_default() < self.events {
            Verdict::Lost
        } else if self.passed_over > 0 {
            Verdict::Unknown
        } else {
            Verdict::Whole
        }
    }

    fn tell(self, topic: &str, records: i64, verdict: Verdict) {
        let Self { events, passed_over } = self;
        match verdict {
            Verdict::Whole => {}
            Verdict::Lost => tracing::error!(
                topic,
                records,
                events,
                "{topic} lost records: it holds {records}, and {events} events were published into it: all are published again"
            ),
            Verdict::Unknown => tracing::warn!(
                topic,
                records,
                events,
                passed_over,
                "{topic} may have lost records: it holds {records}, and {events} events were published into it beside \
                 {passed_over} commits of a newer build, or behind such ones: only the newest build of the steward can tell"
            ),
        }
    }
}

async fn walk(links: &Links, aggregate: Aggregate, wish: Wish) -> Result<Published, Error> {
    let selection = Selection { beginning: Some(aggregate.prefix().into()), ..Selection::default() };
    let (mut walk, mut published) = (links.republisher.walk(selection), Published::default());
    while let Some(page) = walk.next().await? {
        links.notice.tell(&page.passed_over);
        let page = page.published();
        published.events += page.extent().events;
        published.passed_over += u64::from(page.passed_over.commits);
        match wish {
            Wish::Count => {}
            Wish::Mark => links.republisher.again(&page).await?,
        }
        tokio::time::sleep(BREATH).await;
    }
    Ok(published)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_topic_is_compared_at_first_when_it_lost_something_and_when_it_came_back() {
        let mut logs = Logs::default();
        let orders = |spans: &[(i64, i64)]| {
            let held = spans.iter().map(|(start, end)| Held { start: *start, end: *end }).collect();
            BTreeMap::from([(Aggregate::Order, held)])
        };
        let mut due_after = |held: BTreeMap<Aggregate, Vec<Held>>| {
            logs.note(held);
            std::mem::take(&mut logs.due)
        };
        let (nothing, lost) = (BTreeSet::new(), BTreeSet::from([Aggregate::Order]));
        assert_eq!(due_after(orders(&[(0, 5), (0, 2)])), BTreeSet::from(Aggregate::ALL));
        assert_eq!(due_after(orders(&[(0, 7), (0, 2)])), nothing);
        assert_eq!(due_after(orders(&[(0, 6), (0, 2)])), lost);
        assert_eq!(due_after(orders(&[(0, 5), (0, 4)])), lost, "made anew, and filled as far meanwhile");
        assert_eq!(due_after(orders(&[(1, 6), (0, 4)])), lost, "its first record is gone");
        assert_eq!(due_after(orders(&[(1, 9)])), lost, "a partition is gone");
        assert_eq!(due_after(BTreeMap::new()), nothing, "a topic that is not there cannot be filled");
        assert_eq!(due_after(orders(&[(0, 0), (0, 0)])), lost);
        assert_eq!(due_after(orders(&[(0, 0), (0, 0)])), nothing);
        assert_eq!(logs.lost, lost, "what it lost is published again, however much it holds by then");
    }

    /// Seen to fail when what was passed over is not asked for.
    #[test]
    fn a_topic_passes_for_whole_only_if_everything_that_was_published_into_it_could_be_counted() {
        let all = Published { events: 5, passed_over: 0 };
        assert_eq!([4, 5, 6].map(|records| all.judge(records, false)), [Verdict::Lost, Verdict::Whole, Verdict::Whole]);
        let some = Published { passed_over: 1, ..all };
        assert_eq!(
            [4, 5, 6].map(|records| some.judge(records, false)),
            [Verdict::Lost, Verdict::Unknown, Verdict::Unknown]
        );
        assert_eq!([all, some].map(|published| published.judge(6, true)), [Verdict::Lost; 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn topics_that_wait_long_to_be_compared_are_named_from_time_to_time() {
        let mut logs = Logs::default();
        logs.tell_if_it_lasts(true);
        let first = logs.tell.expect("it is said some day");
        logs.tell_if_it_lasts(true);
        assert_eq!(logs.tell, Some(first), "not yet");
        tokio::time::advance(TELL).await;
        logs.tell_if_it_lasts(true);
        assert_eq!(logs.tell, Some(first + TELL), "it was said");
        logs.tell_if_it_lasts(false);
        assert_eq!(logs.tell, None);
    }
}
