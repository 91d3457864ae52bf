//! Compares Redis and Kafka with the ledger, and tells what differs first.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bus::{Kafka, StartFrom, Tail, TailEvent};
use futures::{StreamExt as _, TryStreamExt as _};
use read_model::{Page, Reader};
use schemas::{Aggregate, AnyEvent, Event, EventId, Recorded, StreamId, UserId, Version};
use vault::Vault;
use views::{Projection, View};

use crate::ledger::Ledger;

/// Documents, or lists, that are read at a time.
const AT_A_TIME: usize = 32;

/// What the views must show: document bytes and lists, made from nothing but the ledger.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shown {
    documents: BTreeMap<(Projection, StreamId), (Version, String)>,
    lists: BTreeMap<(Projection, String), BTreeSet<(i64, StreamId)>>,
}

impl Shown {
    /// Folds the ledger, with personal data opened as the vault can open it now.
    pub async fn by_the_ledger(ledger: &Ledger, vault: &Vault) -> Self {
        let mut shown = Self::default();
        for (stream, events) in ledger {
            let events = opened(stream, events, vault).await;
            for projection in Projection::ALL.into_iter().filter(|each| each.aggregate() == stream.aggregate()) {
                views::with_view!(projection, V => shown.fold::<V>(stream, &events));
            }
        }
        shown
    }

    fn fold<V: View>(&mut self, stream: &StreamId, events: &[Recorded<AnyEvent>]) {
        let mut view = None;
        for recorded in events {
            let event = V::Event::from_any(recorded.event.clone()).expect("an event of this aggregate");
            view = V::apply(view, &recorded.clone().map(|_| event)).expect("a fold");
            // Also a list that the stream has left must not name it any more.
            for passed in view.iter().flat_map(View::lists) {
                self.lists.entry((V::PROJECTION, passed.list)).or_default();
            }
        }
        let Some(last) = events.last() else { return };
        let body = view.as_ref().map(|view| serde_json::to_string(view).expect("a view as JSON")).unwrap_or_default();
        self.documents.insert((V::PROJECTION, stream.clone()), (last.version, body));
        let Some(view) = view else { return };
        for listing in view.lists() {
            self.lists.entry((V::PROJECTION, listing.list)).or_default().insert((listing.score, stream.clone()));
        }
    }

    /// What Redis shows of the same documents and lists.
    pub async fn by_redis(&self, reader: &Reader) -> Result<Self, read_model::Error> {
        let mut shown = Self::default();
        let read = async |(projection, stream): &(Projection, StreamId)| {
            let Some(document) = reader.document(projection.name(), stream).await? else { return Ok(None) };
            let body = document.body.map(|body| String::from_utf8_lossy(&body).into_owned()).unwrap_or_default();
            Ok(Some(((*projection, stream.clone()), (document.version, body))))
        };
        let documents = futures::stream::iter(self.documents.keys()).map(read).buffer_unordered(AT_A_TIME);
        let documents: Vec<_> = documents.try_collect().await?;
        shown.documents.extend(documents.into_iter().flatten());
        let read = async |(projection, list): &(Projection, String)| {
            Ok(((*projection, list.clone()), whole_list(reader, *projection, list).await?))
        };
        let lists = futures::stream::iter(self.lists.keys()).map(read).buffer_unordered(AT_A_TIME);
        shown.lists = lists.try_collect().await?;
        Ok(shown)
    }

    /// The first difference, in words.
    #[must_use]
    pub fn difference(&self, redis: &Self) -> Option<String> {
        let document = self.documents.iter().find(|(key, expected)| redis.documents.get(key) != Some(*expected));
        if let Some((key, expected)) = document {
            return Some(format!("{key:?}: {expected:?} expected, Redis has {:?}", redis.documents.get(key)));
        }
        let list = self.lists.iter().find(|(key, expected)| redis.lists.get(key) != Some(*expected))?;
        Some(format!("list {:?}: {} entries expected, Redis has {:?}", list.0, list.1.len(), redis.lists.get(list.0)))
    }
}

/// Events as the folds need them; personal data is a user's own.
async fn opened<'a>(
    stream: &StreamId,
    events: &'a [Recorded<AnyEvent>],
    vault: &Vault,
) -> Cow<'a, [Recorded<AnyEvent>]> {
    let Ok(user) = UserId::parse(stream.as_str()) else { return Cow::Borrowed(events) };
    let mut events = events.to_vec();
    for recorded in &mut events {
        vault.open_all(&user, recorded.event.sealed_mut()).await.expect("personal data that opens");
    }
    Cow::Owned(events)
}

async fn whole_list(
    reader: &Reader,
    projection: Projection,
    list: &str,
) -> Result<BTreeSet<(i64, StreamId)>, read_model::Error> {
    let mut entries = BTreeSet::new();
    let mut after = None;
    loop {
        let page = Page { list: list.to_owned(), from: None, to: None, after, limit: 100 };
        let (found, next) = reader.page(projection.name(), &page).await?;
        entries.extend(found.into_iter().map(|entry| (entry.at.score, entry.at.stream)));
        match next {
            Some(next) => after = Some(next),
            None => return Ok(entries),
        }
    }
}

/// Reads every topic from its start to its end: in each partition the first occurrence of a version must come after one
/// of the version before it (the prefix property), and every event of the ledger must occur. Tells the first breach.
pub async fn topics(kafka: &Kafka, ledger: &Ledger) -> Result<(), String> {
    for aggregate in Aggregate::ALL {
        let seen = topic(kafka, aggregate).await?;
        for (stream, events) in ledger.iter().filter(|(stream, _)| stream.aggregate() == aggregate) {
            let published: Vec<EventId> = seen.get(stream).into_iter().flatten().copied().collect();
            let expected: Vec<EventId> = events.iter().map(|event| event.id).collect();
            if published != expected {
                let topic = aggregate.topic();
                return Err(format!("{stream}: {topic} has the events {published:?}, MongoDB {expected:?}"));
            }
        }
    }
    Ok(())
}

/// The first occurrences of each stream's events, in order.
async fn topic(kafka: &Kafka, aggregate: Aggregate) -> Result<BTreeMap<StreamId, Vec<EventId>>, String> {
    let mut tail = Tail::start(kafka, aggregate.topic(), StartFrom::Beginning).expect("a tail");
    let mut seen: BTreeMap<StreamId, Vec<EventId>> = BTreeMap::new();
    loop {
        match tail.next().await.expect("a tail that goes on") {
            TailEvent::CaughtUp => return Ok(seen),
            TailEvent::Record(record) => {
                let stream = record.stream().expect("a key that is a stream id");
                let id = record.event_id().expect("ce_id");
                let Version(version) = record.version().expect("ce_sequence");
                let known = seen.entry(stream.clone()).or_default();
                let next = u32::try_from(known.len() + 1).expect("a short stream");
                if version > next {
                    return Err(format!("{stream}: version {version} comes before {next} on {}", aggregate.topic()));
                }
                if version == next {
                    known.push(id);
                }
            }
        }
    }
}
