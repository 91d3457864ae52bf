//! The users with connections here: one follower per user reads the feed once for all of that user's connections.

mod follower;
mod ring;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use read_model::ReadModel;
use read_model::feeds::{self, Bells, Cursor};
use runtime::Process;
use schemas::UserId;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::frames::{EventFrame, Frame};
use follower::Follower;
use ring::{ReaderId, Ring};

/// How many entries one read of a feed brings to a connection that catches up.
const PAGE: usize = 32;
/// How many pages may be on their way from Redis at once: however many connections wake up together, what they read is not
/// all in memory at the same time.
const READS: usize = 8;
/// How long a new connection waits for the head of its feed.
const FIRST_READ: Duration = Duration::from_secs(2);

/// All users with connections here.
#[derive(Debug)]
pub(crate) struct Hubs {
    read_model: ReadModel,
    bells: Bells,
    process: Process,
    /// Bytes of frames that wait for a user's slow connections.
    queue_bytes: usize,
    reads: Semaphore,
    users: Mutex<HashMap<UserId, Taken>>,
    next: AtomicU64,
}

/// A hub and how many seats at it are taken.
#[derive(Debug)]
struct Taken {
    hub: Arc<Hub>,
    seats: usize,
}

/// One user's part: the shared queue, and who waits for it.
#[derive(Debug)]
struct Hub {
    user: UserId,
    /// None until the feed was read for the first time.
    ring: Mutex<Option<Ring>>,
    grown: watch::Sender<()>,
    abandoned: CancellationToken,
}

/// One connection's place at its user's hub; dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct Seat {
    id: ReaderId,
    hubs: Arc<Hubs>,
    hub: Arc<Hub>,
    grown: watch::Receiver<()>,
}

/// What is behind a place in a feed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pulled {
    /// These frames, from the shared queue; none means that there is nothing behind it yet.
    Queued(Vec<Frame>),
    /// The place is not in the shared queue; these frames come from the feed itself.
    Stored(Vec<Frame>),
    /// The feed does not know the place, or not any more.
    Unknown {
        /// The place behind the newest entry.
        head: Cursor,
    },
}

impl Hubs {
    pub(crate) fn new(read_model: ReadModel, queue_bytes: usize, process: &Process) -> Self {
        let bells = read_model.bells(process);
        let (users, next) = (Mutex::default(), AtomicU64::new(0));
        let reads = Semaphore::new(READS);
        Self { read_model, bells, process: process.clone(), queue_bytes, reads, users, next }
    }

    /// A place for one more connection of this user; the first one starts following the feed.
    pub(crate) fn enter(self: &Arc<Self>, user: &UserId) -> Seat {
        let mut users = self.users();
        let taken = users.entry(user.clone()).or_insert_with(|| Taken { hub: self.follow(user), seats: 0 });
        taken.seats += 1;
        let (hub, grown) = (Arc::clone(&taken.hub), taken.hub.grown.subscribe());
        let id = ReaderId(self.next.fetch_add(1, Ordering::Relaxed));
        Seat { id, hubs: Arc::clone(self), hub, grown }
    }

    fn follow(&self, user: &UserId) -> Arc<Hub> {
        let (grown, abandoned) = (watch::Sender::new(()), CancellationToken::new());
        let hub = Arc::new(Hub { user: user.clone(), ring: Mutex::default(), grown, abandoned });
        let follower = Follower {
            hub: Arc::clone(&hub),
            read_model: self.read_model.clone(),
            bell: self.bells.listen(user),
            queue_bytes: self.queue_bytes,
        };
        self.process.tasks.spawn("feed-follower", follower.run(self.process.shutdown.clone()));
        hub
    }

    fn users(&self) -> MutexGuard<'_, HashMap<UserId, Taken>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    fn ring(&self) -> MutexGuard<'_, Option<Ring>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// The place behind the newest entry of the feed; fails if the feed cannot be read.
    pub(crate) async fn head(&mut self) -> Result<Cursor, Error> {
        let known = async {
            loop {
                let head = self.hub.ring().as_ref().map(Ring::head);
                match head {
                    Some(head) => return head,
                    None => self.grown().await,
                }
            }
        };
        timeout(FIRST_READ, known).await.map_err(|_| Error::FeedUnread)
    }

    /// Completes when the feed has grown since the last time. May be dropped and called again.
    pub(crate) async fn grown(&mut self) {
        if self.grown.changed().await.is_err() {
            // Only a hub that was dropped fails, and this seat still holds on to its own.
            std::future::pending::<()>().await;
        }
    }

    /// Whether the feed knows this place, so that someone may go on from there.
    pub(crate) async fn knows(&self, place: Cursor) -> Result<bool, Error> {
        match self.hubs.read_model.feed_read(&self.hub.user, place, 0).await? {
            feeds::Read::Known(_) => Ok(true),
            feeds::Read::Unknown { .. } => Ok(false),
        }
    }

    /// What is behind this place, at most so many bytes of it but one event at least: a connection keeps them for as long
    /// as its client does not take them.
    pub(crate) async fn pull(&self, place: Cursor, most: usize) -> Result<Pulled, Error> {
        let queued = self.hub.ring().as_mut().and_then(|ring| ring.take(self.id, place, most));
        if let Some(frames) = queued {
            return Ok(Pulled::Queued(frames));
        }
        match self.stored(place).await? {
            Ok(events) => Ok(Pulled::Stored(within(events, most))),
            Err(head) => Ok(Pulled::Unknown { head }),
        }
    }

    /// The next page of events from the feed itself, or its head if it does not know this place.
    pub(crate) async fn stored(&self, place: Cursor) -> Result<Result<Vec<EventFrame>, Cursor>, Error> {
        let _turn = turn(&self.hubs.reads).await?;
        match self.hubs.read_model.feed_read(&self.hub.user, place, PAGE).await? {
            feeds::Read::Known(entries) => Ok(Ok(frames(entries)?)),
            feeds::Read::Unknown { head } => Ok(Err(head)),
        }
    }
}

/// A turn at reading, unless Redis is too slow for all who wait.
async fn turn(reads: &Semaphore) -> Result<SemaphorePermit<'_>, Error> {
    let turn = timeout(FIRST_READ, reads.acquire()).await;
    turn.ok().and_then(Result::ok).ok_or(Error::FeedUnread)
}

/// What these entries of a feed become.
fn frames(entries: Vec<feeds::Entry>) -> Result<Vec<EventFrame>, Error> {
    Ok(entries.into_iter().map(EventFrame::of).collect::<Result<_, _>>()?)
}

/// The first of these events, as many as have so many bytes, but one at least.
fn within(events: Vec<EventFrame>, most: usize) -> Vec<Frame> {
    let mut bytes = 0;
    let fitting = events.into_iter().take_while(|event| {
        let first = bytes == 0;
        bytes += event.bytes();
        first || bytes <= most
    });
    fitting.map(|event| event.frame).collect()
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(ring) = self.hub.ring().as_mut() {
            ring.leave(self.id);
        }
        let mut users = self.hubs.users();
        let Some(taken) = users.get_mut(&self.hub.user) else { return };
        taken.seats -= 1;
        if taken.seats == 0 {
            users.remove(&self.hub.user);
            self.hub.abandoned.cancel();
        }
    }
}
