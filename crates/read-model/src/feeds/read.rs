//! Reading: what a feed holds behind a cursor, or that it does not hold that cursor any more.

use redis::Value;
use redis::streams::{StreamId as RawEntry, StreamRangeReply};
use schemas::{StreamId, Timestamp, UserId, Version};

use super::{Cursor, entries_key, head_key};
use crate::{Error, ReadModel};

/// One entry of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The place behind this entry: its number, and the digest of the chain up to it.
    pub cursor: Cursor,
    /// The stream that the event belongs to.
    pub stream: StreamId,
    /// Its place there.
    pub version: Version,
    /// The record's name: `OrderPlaced`.
    pub name: String,
    /// What the seed applications call it.
    pub seed_type: Option<String>,
    /// When it happened.
    pub at: Timestamp,
    /// The topic that it came by.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset there.
    pub offset: i64,
    /// The content as JSON.
    pub data: String,
    /// The W3C trace context of what follows from the feeding, if its trace is recorded.
    pub trace: Option<String>,
}

/// What a feed answers to a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// It knows the cursor: these entries follow it, in order and without gaps. None means that it is the head.
    Known(Vec<Entry>),
    /// It does not hold that cursor, or not any more, or not all that came behind it: whoever reads on must start over.
    Unknown {
        /// Behind the newest entry.
        head: Cursor,
    },
}

pub(super) type Head = (Option<u64>, Option<String>);

impl ReadModel {
    /// The place behind the newest entry of this user's feed.
    pub async fn feed_head(&self, user: &UserId) -> Result<Cursor, Error> {
        let mut command = redis::cmd("HMGET");
        command.arg(head_key(user)).arg("seq").arg("digest");
        let head = self.connections.read("reading a feed's head", &command).await?;
        head_cursor(user, head)
    }

    /// At most `count` entries behind a cursor, in one round trip; fewer mean that there are no more.
    pub async fn feed_read(&self, user: &UserId, after: Cursor, count: usize) -> Result<Read, Error> {
        // Even if none is asked for, the first entry shows whether the feed knows the cursor.
        let (key, most) = (entries_key(user), count.max(1));
        let mut both = redis::pipe();
        both.atomic();
        both.cmd("HMGET").arg(head_key(user)).arg("seq").arg("digest");
        both.cmd("XRANGE").arg(&key).arg(format!("({}-0", after.seq)).arg("+").arg("COUNT").arg(most);
        let (head, entries): (Head, StreamRangeReply) = self.connections.read_all("reading a feed", &both).await?;
        let head = head_cursor(user, head)?;
        let links = entries.ids.iter().map(|entry| parse(&key, entry)).collect::<Result<Vec<_>, _>>()?;
        // What was too old to be kept when it came has a number, and no entry.
        let mut place = after;
        let follow = links.iter().all(|link| link.previous == Some(std::mem::replace(&mut place, link.entry.cursor)));
        if follow && (place == head || links.len() == most) {
            Ok(Read::Known(links.into_iter().take(count).map(|link| link.entry).collect()))
        } else {
            Ok(Read::Unknown { head })
        }
    }
}

/// An entry, and the place that it was added behind.
pub(super) struct Link {
    pub(super) previous: Option<Cursor>,
    pub(super) entry: Entry,
}

pub(super) fn head_cursor(user: &UserId, head: Head) -> Result<Cursor, Error> {
    match head {
        (None, None) => Ok(Cursor::START),
        (Some(seq), Some(digest)) => {
            Cursor::new(seq, &digest).map_err(|_| Error::Corrupt { key: head_key(user), found: digest })
        }
        (seq, digest) => Err(Error::Corrupt { key: head_key(user), found: format!("{seq:?} {digest:?}") }),
    }
}

pub(super) fn parse(key: &str, entry: &RawEntry) -> Result<Link, Error> {
    link(entry).ok_or_else(|| Error::Corrupt { key: key.to_owned(), found: format!("entry {}", entry.id) })
}

/// An entry that is told outside of its feed: its id there, its fields and values by turns.
pub(super) fn told(id: String, fields: Vec<String>) -> Option<Link> {
    let (pairs, []) = fields.as_chunks::<2>() else { return None };
    let value = |value: &String| Value::BulkString(value.clone().into_bytes());
    let map = pairs.iter().map(|[field, content]| (field.clone(), value(content))).collect();
    link(&RawEntry { id, map, ..RawEntry::default() })
}

fn link(entry: &RawEntry) -> Option<Link> {
    let seq: u64 = entry.id.strip_suffix("-0")?.parse().ok()?;
    let place = |seq: u64, field: &str| Cursor::new(seq, &entry.get::<String>(field)?).ok();
    let previous = seq.checked_sub(1).and_then(|seq| place(seq, "p"));
    let entry = Entry {
        cursor: place(seq, "d")?,
        stream: StreamId::parse(&entry.get::<String>("s")?).ok()?,
        version: Version(entry.get("v")?),
        name: entry.get("t")?,
        seed_type: entry.get::<String>("seed").filter(|name| !name.is_empty()),
        at: Timestamp::from_micros(entry.get("at")?),
        topic: entry.get("topic")?,
        partition: entry.get("partition")?,
        offset: entry.get("offset")?,
        data: entry.get("data")?,
        trace: entry.get("trace"),
    };
    Some(Link { previous, entry })
}
