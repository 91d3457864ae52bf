//! The edges of the core, on the world: the store of commands, the outbox and the log of relays, the views of projectors.

use std::future::Future;
use std::pin::Pin;

use bus::Delivered;
use command_api::Store;
use event_store::{Appended, Commit, CommitId, KeyHash, Lanes, Marked, PassedOver, TailPage};
use projector::Views;
use read_model::{Applied, Batch, Source, Standing, Target};
use relay::{Log, LogRound, Outbox, Pages, Refused};
use schemas::{AnyEvent, Position, Recorded, StreamId, Timestamp, Version};
use tokio::sync::oneshot;

use crate::link::Link;

/// How many commits of a stream are read at once: few, so that the next page is another moment.
const PAGE: usize = 3;

impl Store for Link {
    fn now(&self) -> Timestamp {
        self.shared.world().now(self.process)
    }

    async fn append(&self, commit: &Commit) -> Result<Appended, event_store::Error> {
        let commit = commit.clone();
        self.call("append", move |world| world.append(commit)).await.map_err(|_lost| event_store::Error::Busy)
    }

    async fn tail_page(&self, stream: &StreamId, from: Version) -> Result<TailPage, event_store::Error> {
        let stream = stream.clone();
        let tail = self.call("tail", move |world| world.tail(&stream, from)).await;
        let mut commits = tail.map_err(|_lost| event_store::Error::Busy)?;
        let more = commits.len() > PAGE;
        commits.truncate(PAGE);
        let next = commits.last().filter(|_| more).map(|commit| commit.last().next());
        Ok(TailPage { commits, next })
    }

    async fn find_keys(&self, keys: &[KeyHash]) -> Result<Vec<Commit>, event_store::Error> {
        let keys = keys.to_vec();
        self.call("find keys", move |world| world.find_keys(&keys)).await.map_err(|_lost| event_store::Error::Busy)
    }
}

impl Outbox for Link {
    type Snapshot = Shown;

    async fn snapshot(&self, _lanes: Lanes, limit: u32) -> Result<Shown, event_store::Error> {
        let shown = self.call("snapshot", move |world| world.marked(usize::try_from(limit).unwrap())).await;
        let rest = shown.map_err(|_lost| event_store::Error::Busy)?.into_iter();
        Ok(Shown { link: self.clone(), rest })
    }

    async fn unmark(&self, commits: &[CommitId]) -> Result<(), event_store::Error> {
        if commits.is_empty() {
            return Ok(());
        }
        let commits = commits.to_vec();
        self.call("unmark", move |world| world.unmark(&commits)).await.map_err(|_lost| event_store::Error::Busy)
    }
}

/// The marked commits of one moment.
pub(crate) struct Shown {
    link: Link,
    rest: std::vec::IntoIter<Commit>,
}

impl Pages for Shown {
    async fn page(&mut self, max: usize) -> Result<Vec<Marked>, event_store::Error> {
        self.link.call("page", |_world| ()).await.map_err(|_lost| event_store::Error::Busy)?;
        let marked = |commit: Commit| Marked {
            id: commit.key(),
            at: commit.at,
            events: commit.recorded().map_err(event_store::Unreadable::from),
        };
        Ok(self.rest.by_ref().take(max).map(marked).collect())
    }

    fn passed_over(&self) -> PassedOver {
        PassedOver::default()
    }
}

impl Log for Link {
    type Round = Round;

    fn round(&self) -> Result<Round, bus::Error> {
        Ok(Round { link: self.clone(), number: self.shared.world().begin_round(self.process) })
    }
}

pub(crate) struct Round {
    link: Link,
    number: usize,
}

impl LogRound for Round {
    type Ack = Pin<Box<dyn Future<Output = Result<Delivered, bus::Error>> + Send>>;

    fn send(&self, event: &Recorded<AnyEvent>) -> Result<Self::Ack, Refused> {
        let (answer, answered) = oneshot::channel();
        if !self.link.shared.world().send(self.number, event.clone(), answer) {
            return Err(Refused::Round(bus::Error::RoundFailed));
        }
        Ok(Box::pin(async move {
            match answered.await {
                Ok(true) => Ok(Delivered { partition: 0, offset: 0 }),
                Ok(false) => Err(bus::Error::RoundFailed),
                Err(_world_ended) => std::future::pending().await,
            }
        }))
    }
}

impl Views for Link {
    async fn open(&self, _target: &Target, source: &Source) -> Result<Position, read_model::Error> {
        let source = source.clone();
        self.call("open", move |world| world.views.position(&source)).await.map_err(|_lost| away())
    }

    async fn standings(&self, _target: &Target, streams: &[StreamId]) -> Result<Vec<Standing>, read_model::Error> {
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let streams = streams.to_vec();
        self.call("standings", move |world| world.standings(&streams)).await.map_err(|_lost| away())
    }

    async fn apply(&self, batch: &Batch) -> Result<Applied, read_model::Error> {
        let batch = batch.clone();
        self.call("apply", move |world| world.apply(&batch)).await.map_err(|_lost| away())
    }
}

/// The error that can be made without a Redis; projectors treat all alike.
fn away() -> read_model::Error {
    read_model::Error::TooManyWaiters { waiting: 0 }
}
