//! What one partition's batch of events changes, and the one call that applies it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use redis::Cmd;
use runtime::clock;
use schemas::{EventId, Position, StreamId, Version};

use crate::library::VIEWS;
use crate::{MAX_PARKED, Parking, Sighting, Source, Target, keys, trails};

/// The most events that one batch should hold: the call blocks Redis, for about 2 ms at this size.
pub const MAX_BATCH: usize = 100;

/// The effect of consecutive records of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Where it is written.
    pub target: Target,
    /// Where its records are from.
    pub source: Source,
    /// The position on which it builds; applied only if that is the stored one.
    pub base: Position,
    /// The position behind its last record.
    pub next: Position,
    /// The documents that changed, each once.
    pub writes: Vec<DocumentWrite>,
    /// The streams of which versions are missing, each once.
    pub gaps: Vec<Gap>,
    /// The streams that do not go on, each once.
    pub parking: Parking,
}

/// One document's change, by one or more events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentWrite {
    /// Whose document it is.
    pub stream: StreamId,
    /// The stored version that it builds on; applied only if that is the stored one. `NONE` if there is none.
    pub from: Version,
    /// The version that it leads to.
    pub to: Version,
    /// The event of version `to`.
    pub last_event: EventId,
    /// What is shown from now on; `None` leaves a tombstone.
    pub body: Option<Vec<u8>>,
    /// Lists that the document enters, or moves in, with its place.
    pub list_add: Vec<(String, i64)>,
    /// Lists that it leaves.
    pub list_remove: Vec<String>,
    /// Texts under which it is found from now on, each with the index that holds it.
    pub text_add: Vec<(String, String)>,
    /// Texts under which it is no longer found.
    pub text_remove: Vec<(String, String)>,
    /// What is noted of the events that led there, for who asks how that came about.
    pub sightings: Vec<Sighting>,
}

/// Versions of a stream are missing: from the document's version on, up to before this one at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Which stream.
    pub stream: StreamId,
    /// The highest version seen behind the gap.
    pub highest: Version,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is stored, all of it.
    Done,
    /// It builds on another position than the stored one: nothing was written. After a lost reply a stored position
    /// equal to the batch's `next` means that the first attempt was applied.
    Refused {
        /// Where to go on.
        stored: Position,
    },
    /// A document has another version than it was folded on, or its stream is parked or is not, otherwise than it was
    /// taken to be: nothing was written. Read the documents and fold again.
    StaleDocuments,
    /// It would park more streams than [`MAX_PARKED`]: nothing was written.
    Full {
        /// How many are parked.
        parked: usize,
    },
}

impl Batch {
    /// The call of `views_apply`; its layout is written down there.
    pub(crate) fn call(&self) -> Cmd {
        let Self { target, source, base, next, writes, gaps, parking: Parking { parks, held } } = self;
        let lists = self.lists();
        let of_all = [keys::live(target.projection), keys::entries(target.projection)];
        let mut keys = vec![target.positions(), target.gaps(), target.purges(), target.parked()];
        keys.extend(of_all);
        keys.extend(writes.iter().map(|write| target.document(&write.stream)));
        keys.extend(parks.iter().map(|park| target.document(&park.stream)));
        keys.extend(lists.keys().map(|list| target.list(list)));

        let mut call = VIEWS.call("views_apply", &keys);
        call.arg(source.to_string()).arg(base.to_string()).arg(next.to_string());
        call.arg(writes.len()).arg(gaps.len());
        call.arg(target.applied()).arg(notice(writes));
        call.arg(held.len()).arg(parks.len()).arg(MAX_PARKED);
        call.arg(trails::of_views(target.projection)).arg(clock::now_micros()).arg(target.generation.0);
        for write in writes {
            write.arguments(&lists, &mut call);
        }
        for gap in gaps.iter().chain(held) {
            call.arg(gap.stream.as_str()).arg(gap.highest.0);
        }
        for park in parks {
            call.arg(park.stream.as_str()).arg(park.from.0).arg(park.entry.to_json());
        }
        call
    }

    /// Every list that changes, with the index of its key as Lua counts.
    fn lists(&self) -> BTreeMap<&str, usize> {
        let entered = self.writes.iter().flat_map(|write| write.list_add.iter().map(|(list, _)| list));
        let left = self.writes.iter().flat_map(|write| &write.list_remove);
        let texts = self.writes.iter().flat_map(|write| write.text_add.iter().chain(&write.text_remove));
        let indexes = texts.map(|(index, _)| index);
        let all = entered.chain(left).chain(indexes);
        let mut lists: BTreeMap<&str, usize> = all.map(|list| (list.as_str(), 0)).collect();
        let first = self.writes.len() + self.parking.parks.len() + 7;
        for (place, index) in lists.values_mut().enumerate() {
            *index = first + place;
        }
        lists
    }
}

impl DocumentWrite {
    fn arguments(&self, lists: &BTreeMap<&str, usize>, call: &mut Cmd) {
        let Self { stream, from, to, last_event, body, list_add, list_remove, text_add, text_remove, sightings } = self;
        call.arg(stream.as_str()).arg(from.0).arg(to.0).arg(last_event.to_string());
        call.arg(u32::from(body.is_some())).arg(body.as_deref().unwrap_or_default());
        call.arg(list_add.len() + list_remove.len() + text_add.len() + text_remove.len()).arg(sightings.len());
        let index = |list: &String| lists.get(list.as_str()).copied().unwrap_or_default();
        for (list, score) in list_add {
            call.arg(index(list)).arg(*score).arg("");
        }
        for list in list_remove {
            call.arg(index(list)).arg("").arg("");
        }
        let member = |text: &str| format!("{text}\0{stream}");
        for (texts, text) in text_remove {
            call.arg(index(texts)).arg("").arg(member(text));
        }
        for (texts, text) in text_add {
            call.arg(index(texts)).arg(0).arg(member(text));
        }
        for Sighting { version, note } in sightings {
            call.arg(version.0).arg(note);
        }
    }
}

/// `stream@version` of every document, as [`crate::Notices`] reads it.
fn notice(writes: &[DocumentWrite]) -> String {
    let mut notice = String::new();
    for write in writes {
        let space = if notice.is_empty() { "" } else { " " };
        let _infallible = write!(notice, "{space}{}@{}", write.stream, write.to);
    }
    notice
}
