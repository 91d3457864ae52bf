//! From where to listen so that nothing falls between a query and the subscription after it.
//!
//! Read the projection's positions first, then the view, then ask here: every entry that the view may not contain lies
//! behind the answered place. Entries behind it that the view does contain are repeats, recognised by their versions.

use std::collections::{BTreeMap, BTreeSet};

use redis::streams::StreamRangeReply;
use schemas::UserId;

use super::read::{Head, Link, head_cursor, parse};
use super::{Cursor, MOST_ENTRIES, POSITIONS, entries_key, head_key};
use crate::{Error, ReadModel, Source, position};

/// How many entries are looked at first; a projection is seldom further behind its user's feed.
const FIRST_LOOK: u32 = 50;

/// The newest entries of a feed, as they were at one moment.
struct Tail {
    head: Cursor,
    /// How far each partition had entered the feeds: the next offset.
    entered: BTreeMap<Source, i64>,
    /// Newest first.
    newest: Vec<Link>,
}

impl ReadModel {
    /// The place in this user's feed behind which lies every entry of this topic at or above the offset that `covered`
    /// names for its partition. `None` if the feed may have dropped such an entry already: then subscribe first, and
    /// ask the query again.
    pub async fn feed_listening(
        &self,
        user: &UserId,
        topic: &str,
        covered: &BTreeMap<Source, i64>,
    ) -> Result<Option<Cursor>, Error> {
        for count in [FIRST_LOOK, MOST_ENTRIES] {
            let tail = self.feed_tail(user, count).await?;
            if let Some(cursor) = tail.behind_which_all(topic, covered) {
                return Ok(Some(cursor));
            }
        }
        Ok(None)
    }

    async fn feed_tail(&self, user: &UserId, count: u32) -> Result<Tail, Error> {
        type Answer = (Head, BTreeMap<String, String>, StreamRangeReply);
        let key = entries_key(user);
        let mut at_once = redis::pipe();
        at_once.atomic();
        at_once.cmd("HMGET").arg(head_key(user)).arg("seq").arg("digest");
        at_once.cmd("HGETALL").arg(POSITIONS);
        at_once.cmd("XREVRANGE").arg(&key).arg("+").arg("-").arg("COUNT").arg(count);
        let (head, entered, newest): Answer = self.connections.read_all("reading a feed's end", &at_once).await?;
        let position = |(source, text): (String, String)| {
            let corrupt = || Error::Corrupt { key: POSITIONS.to_owned(), found: source.clone() };
            let source = Source::parse(&source).ok_or_else(corrupt)?;
            let next = position::stored(&source, Some(&text))?.next;
            Ok((source, next))
        };
        Ok(Tail {
            head: head_cursor(user, head)?,
            entered: entered.into_iter().map(position).collect::<Result<_, Error>>()?,
            newest: newest.ids.iter().map(|entry| parse(&key, entry)).collect::<Result<_, _>>()?,
        })
    }
}

impl Tail {
    /// `None` if an uncovered entry may be older than all of these.
    fn behind_which_all(&self, topic: &str, covered: &BTreeMap<Source, i64>) -> Option<Cursor> {
        let covered = |source: &Source| covered.get(source).copied().unwrap_or(0);
        let ahead = self.entered.iter().filter(|(source, next)| *source.topic == *topic && **next > covered(source));
        // Partitions of which an uncovered entry may come yet, going back: offsets grow along a feed.
        let mut open: BTreeSet<&Source> = ahead.map(|(source, _)| source).collect();
        let (mut place, mut next) = (self.head, Some(self.head));
        for Link { previous, entry } in &self.newest {
            if open.is_empty() {
                break;
            }
            // What came too late to be kept has a number and no entry, and may be what the view does not contain.
            if next != Some(entry.cursor) {
                return None;
            }
            next = *previous;
            let source = Source { topic: entry.topic.as_str().into(), partition: entry.partition };
            if !open.contains(&source) {
                continue;
            }
            if entry.offset >= covered(&source) {
                place = (*previous)?;
            } else {
                open.remove(&source);
            }
        }
        let begins_here = self.newest.last().map_or(self.head.seq == 0, |oldest| oldest.entry.cursor.seq == 1);
        (open.is_empty() || begins_here).then_some(place)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use schemas::{StreamId, Timestamp, Version};

    use super::*;
    use crate::feeds::Entry;

    const TOPIC: &str = "orders.events.v1";

    fn source(topic: &str, partition: i32) -> Source {
        Source { topic: topic.into(), partition }
    }

    fn place(seq: u64) -> Cursor {
        Cursor::new(seq, &format!("{seq:040x}")).unwrap()
    }

    fn link(seq: u64, (topic, partition, offset): (&str, i32, i64)) -> Link {
        let entry = Entry {
            cursor: place(seq),
            stream: StreamId::parse("ord_1").unwrap(),
            version: Version(1),
            name: String::new(),
            seed_type: None,
            at: Timestamp::from_micros(0),
            topic: topic.to_owned(),
            partition,
            offset,
            data: String::new(),
            trace: None,
        };
        Link { previous: Some(place(seq - 1)), entry }
    }

    /// Listens where, if these entries are kept (oldest first, the first has this number), the feeds are this far in
    /// the partitions 0 and 1, and the view is that far.
    fn check(first: u64, entries: &[(&str, i32, i64)], entered: [i64; 2], covered: [i64; 2], then: Option<u64>) {
        let far = |[a, b]: [i64; 2]| BTreeMap::from([(source(TOPIC, 0), a), (source(TOPIC, 1), b)]);
        let mut newest: Vec<_> = (first..).zip(entries).map(|(seq, entry)| link(seq, *entry)).collect();
        let head = newest.last().map_or(place(first - 1), |newest| newest.entry.cursor);
        newest.reverse();
        let mut entered = far(entered);
        entered.insert(source("payments.events.v1", 0), 100);
        let tail = Tail { head, entered, newest };
        assert_eq!(tail.behind_which_all(TOPIC, &far(covered)), then.map(place), "{entries:?}");
    }

    #[test]
    fn a_view_that_is_not_behind_the_feed_listens_from_its_head() {
        check(1, &[], [0, 0], [0, 0], Some(0));
        check(1, &[(TOPIC, 0, 4), (TOPIC, 1, 7)], [5, 8], [5, 9], Some(2));
        check(700, &[(TOPIC, 0, 4)], [5, 8], [5, 8], Some(700));
    }

    #[test]
    fn an_entry_that_the_view_does_not_contain_lies_behind_the_place() {
        check(1, &[(TOPIC, 0, 4), (TOPIC, 0, 5)], [6, 0], [5, 0], Some(1));
        // The older one is the uncovered one.
        check(1, &[(TOPIC, 1, 3), (TOPIC, 0, 9), (TOPIC, 1, 4), (TOPIC, 0, 10)], [11, 5], [11, 4], Some(2));
        check(1, &[(TOPIC, 0, 9), (TOPIC, 1, 3)], [10, 4], [0, 4], Some(0));
        check(7, &[(TOPIC, 0, 8), (TOPIC, 0, 9)], [10, 0], [9, 0], Some(7));
    }

    #[test]
    fn entries_of_other_topics_are_not_the_views_concern() {
        check(1, &[(TOPIC, 0, 4), ("payments.events.v1", 0, 99)], [5, 0], [5, 0], Some(2));
    }

    #[test]
    fn where_a_number_has_no_entry_that_may_be_what_the_view_does_not_contain() {
        let listens = |head: u64, kept: &[u64]| {
            let entered = BTreeMap::from([(source(TOPIC, 0), 9)]);
            let newest = kept.iter().map(|seq| link(*seq, (TOPIC, 0, i64::try_from(*seq).unwrap()))).collect();
            Tail { head: place(head), entered, newest }
                .behind_which_all(TOPIC, &BTreeMap::from([(source(TOPIC, 0), 3)]))
        };
        assert_eq!(listens(4, &[4, 3, 2]), Some(place(2)));
        assert_eq!(listens(5, &[4, 3, 2]), None, "the newest one is missing");
        assert_eq!(listens(5, &[5, 3, 2]), None);
        assert_eq!(listens(1, &[]), None);
    }

    #[test]
    fn where_the_feed_may_have_dropped_an_uncovered_entry_there_is_no_place() {
        check(2, &[(TOPIC, 0, 9)], [10, 0], [9, 0], None);
        check(2, &[(TOPIC, 0, 9)], [10, 4], [10, 3], None);
        check(2, &[(TOPIC, 1, 1), (TOPIC, 0, 9)], [10, 4], [10, 3], Some(3));
    }
}
