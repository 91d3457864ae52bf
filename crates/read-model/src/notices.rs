//! Waiting until a projection has reached a version: one subscription per process wakes all who wait.
//!
//! A notice only wakes early: whoever waits also reads again every 50 ms, so a lost subscription costs latency, never
//! an answer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::RedisError;
use runtime::Process;
use runtime::backoff::Backoff;
use schemas::{StreamId, Version};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::connection::Connections;
use crate::subscription::{Subscription, applied};
use crate::{Error, keys};

/// How often those who wait read again without a notice.
const REREAD: Duration = Duration::from_millis(50);
/// How many may wait in a process that serves nobody, or does not say how many.
const LIMIT: usize = 512;

/// The process's ear for applied versions; clones share the one subscription.
#[derive(Debug, Clone)]
pub struct Notices {
    waiting: Arc<Mutex<Waiting>>,
    limit: usize,
}

/// What someone waits for.
#[derive(Debug, Clone, Copy)]
pub struct Awaited<'a> {
    /// The projection that is to reach it.
    pub projection: &'a str,
    /// The document's stream.
    pub stream: &'a StreamId,
    /// The version that the document must have at least.
    pub version: Version,
}

/// What was read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited<T> {
    /// The document has the version.
    Reached(T),
    /// The time is up; the document is older.
    Behind(T),
}

#[derive(Debug, Default)]
struct Waiting {
    total: usize,
    by_stream: HashMap<Key, Waiters>,
}

type Key = (Box<str>, Box<str>);

#[derive(Debug, Default)]
struct Waiters {
    count: usize,
    bell: Arc<Notify>,
}

impl Notices {
    pub(crate) fn start(connections: Connections, process: &Process) -> Self {
        let notices = Self { waiting: Arc::default(), limit: LIMIT };
        let (listener, shutdown) = (notices.clone(), process.shutdown.clone());
        process.tasks.spawn("read-model-notices", async move {
            tokio::select! {
                () = shutdown.requested() => {}
                () = listener.listen(&connections) => {}
            }
        });
        notices
    }

    /// The same in a process that works on so many requests at once: half of them may wait, and half of those for one
    /// document, so that others are answered, whatever is waited for. One may in any case.
    #[must_use]
    pub fn among(self, requests: usize) -> Self {
        Self { limit: (requests / 2).max(1), ..self }
    }

    /// Reads, and reads again, until the document has the version or the time is up. `read` returns the document's
    /// version (`NONE` if there is no document) and whatever else was read with it. An error of `read` ends the wait.
    /// The first read costs nothing more than a read; only then one counts as waiting.
    pub async fn wait_for<T, Fut>(
        &self,
        awaited: Awaited<'_>,
        within: Duration,
        mut read: impl FnMut() -> Fut,
    ) -> Result<Waited<T>, Error>
    where
        Fut: Future<Output = Result<(Version, T), Error>>,
    {
        let (version, found) = read().await?;
        if version >= awaited.version {
            return Ok(Waited::Reached(found));
        }
        if within.is_zero() {
            return Ok(Waited::Behind(found));
        }
        let place = self.enter(awaited)?;
        let mut time_is_up = std::pin::pin!(sleep(within));
        loop {
            let rung = place.bell.notified();
            let (version, found) = read().await?;
            if version >= awaited.version {
                return Ok(Waited::Reached(found));
            }
            tokio::select! {
                () = &mut time_is_up => return Ok(Waited::Behind(found)),
                () = rung => {}
                () = sleep(REREAD) => {}
            }
        }
    }

    fn enter(&self, awaited: Awaited<'_>) -> Result<Place, Error> {
        let key: Key = (awaited.projection.into(), awaited.stream.as_str().into());
        let mut waiting = self.lock();
        let here = waiting.by_stream.get(&key).map_or(0, |waiters| waiters.count);
        if here >= self.limit.div_ceil(2) {
            return Err(Error::TooManyWaiters { waiting: here });
        }
        if waiting.total >= self.limit {
            return Err(Error::TooManyWaiters { waiting: waiting.total });
        }
        waiting.total += 1;
        let waiters = waiting.by_stream.entry(key.clone()).or_default();
        waiters.count += 1;
        let bell = Arc::clone(&waiters.bell);
        drop(waiting);
        Ok(Place { key, bell, notices: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn listen(&self, connections: &Connections) {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        loop {
            let Err(error) = self.listen_once(connections, &mut backoff).await;
            tracing::debug!(error = runtime::chain(&error), "the subscription to notices ended; subscribing again");
            backoff.wait().await;
        }
    }

    async fn listen_once(&self, connections: &Connections, backoff: &mut Backoff) -> Result<Infallible, RedisError> {
        let mut subscription = Subscription::to(connections, &[keys::all_applied("*")]).await?;
        backoff.reset();
        // What was published in between is unknown: everyone reads again.
        self.ring_all();
        loop {
            if let Some(notice) = subscription.next().await? {
                self.ring(notice.get_channel_name(), notice.get_payload_bytes());
            }
        }
    }

    fn ring_all(&self) {
        for waiters in self.lock().by_stream.values() {
            waiters.bell.notify_waiters();
        }
    }

    fn ring(&self, channel: &str, notice: &[u8]) {
        let waiting = self.lock();
        if waiting.total == 0 {
            return;
        }
        let Some((projection, _generation)) = keys::of_applied(channel) else { return };
        for stream in applied(notice) {
            if let Some(waiters) = waiting.by_stream.get(&(projection.into(), stream.into())) {
                waiters.bell.notify_waiters();
            }
        }
    }
}

/// One who waits; leaves when dropped.
#[derive(Debug)]
struct Place {
    key: Key,
    bell: Arc<Notify>,
    notices: Notices,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.notices.lock();
        waiting.total = waiting.total.saturating_sub(1);
        if let Some(waiters) = waiting.by_stream.get_mut(&self.key) {
            waiters.count = waiters.count.saturating_sub(1);
            if waiters.count == 0 {
                waiting.by_stream.remove(&self.key);
            }
        }
    }
}
