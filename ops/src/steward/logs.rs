//! Lost logs: a topic that holds fewer records than events were published into it has lost some, or was made anew.
//! Nothing is ever removed from a topic by itself, so the numbers tell. All of its aggregate's events are published
//! again then, behind whatever is new: readers that have them skip them, new readers get all.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use bus::inventory::Held;
use event_store::{Extent, Selection};
use runtime::clock::{self, Instant};
use schemas::Aggregate;

use super::{Links, metrics};
use crate::Error;

const EVERY: Duration = Duration::from_secs(5);
/// How often everything is counted although no topic became smaller.
const COUNT: Duration = Duration::from_secs(3600);
/// Between two pages of commits that are counted or marked.
const BREATH: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
struct Logs {
    /// How many records each topic held when it was last looked at; a topic that is not there held nothing.
    records: BTreeMap<Aggregate, i64>,
    /// The topics that are to be compared with what was published.
    due: BTreeSet<Aggregate>,
    counted: Option<Instant>,
}

/// Looks after the topics until shutdown.
pub(super) async fn look_after(links: Links) -> Result<(), Infallible> {
    links.repeat(EVERY, Logs::default(), async |links: &Links, logs: &mut Logs| logs.pass(links).await).await
}

impl Logs {
    async fn pass(&mut self, links: &Links) -> Result<(), Error> {
        let topics = topics(links).await?;
        self.note(&topics);
        // What is under way must arrive before it makes sense to count again.
        if links.alarm.is_raised() || self.due.is_empty() || links.again.backlog(1).await? > 0 {
            return Ok(());
        }
        for aggregate in self.due.clone() {
            let published = walk(links, aggregate, Wish::Count).await?;
            // Looked at later than what it is compared with, so whatever was published then is there now.
            let Some(records) = self::topics(links).await?.get(&aggregate).copied() else { continue };
            if u64::try_from(records).unwrap_or_default() >= published.events {
                self.due.remove(&aggregate);
                continue;
            }
            let topic = aggregate.topic();
            tracing::error!(
                topic,
                records,
                events = published.events,
                "{topic} holds {records} records, but {} events were published into it: all are published again",
                published.events
            );
            metrics::LOST_LOGS.add(1);
            walk(links, aggregate, Wish::Mark).await?;
        }
        Ok(())
    }

    /// Finds out which topics are to be compared: those that were not yet, and those that became smaller.
    fn note(&mut self, topics: &BTreeMap<Aggregate, i64>) {
        if self.counted.is_none_or(|counted| counted.elapsed() >= COUNT) {
            self.counted = Some(clock::monotonic());
            self.due.extend(Aggregate::ALL);
        }
        for (aggregate, records) in topics {
            let before = self.records.get(aggregate).copied().unwrap_or(i64::MAX);
            if *records < before {
                self.due.insert(*aggregate);
            }
        }
        self.records.clone_from(topics);
    }
}

/// How many records each topic holds, of those that are there.
async fn topics(links: &Links) -> Result<BTreeMap<Aggregate, i64>, Error> {
    let topics = links.inventory.topics().await.map_err(|source| Error::Logs { source })?;
    let records = |held: Vec<Held>| held.iter().map(|held| held.end - held.start).sum();
    Ok(topics.into_iter().map(|(aggregate, held)| (aggregate, records(held))).collect())
}

/// What to do with published commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Count,
    Mark,
}

async fn walk(links: &Links, aggregate: Aggregate, wish: Wish) -> Result<Extent, Error> {
    let selection = Selection { beginning: Some(aggregate.prefix().into()), ..Selection::default() };
    let (mut walk, mut extent) = (links.republisher.walk(selection), Extent::default());
    while let Some(page) = walk.next().await? {
        let page = page.published();
        extent += page.extent();
        match wish {
            Wish::Count => {}
            Wish::Mark => links.republisher.again(&page).await?,
        }
        tokio::time::sleep(BREATH).await;
    }
    Ok(extent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_compared_at_first_and_when_it_became_smaller_or_came_back() {
        let mut logs = Logs::default();
        let orders = |records| BTreeMap::from([(Aggregate::Order, records)]);
        let mut due_after = |topics: &BTreeMap<Aggregate, i64>| {
            logs.note(topics);
            std::mem::take(&mut logs.due)
        };
        assert_eq!(due_after(&orders(5)), BTreeSet::from(Aggregate::ALL));
        assert_eq!(due_after(&orders(7)), BTreeSet::new());
        assert_eq!(due_after(&orders(6)), BTreeSet::from([Aggregate::Order]));
        assert_eq!(due_after(&BTreeMap::new()), BTreeSet::new(), "a topic that is not there cannot be filled");
        assert_eq!(due_after(&orders(0)), BTreeSet::from([Aggregate::Order]));
    }
}
