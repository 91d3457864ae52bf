//! Wake-ups: who waits for a user's feed is told within a round trip that it grew, and mostly by what.
//!
//! One subscription connection per process serves all users; it subscribes as listeners come and go. A bell may ring
//! for nothing, and rings for everybody after the connection was lost, so whoever reads the feed whenever it rings
//! misses nothing. What a bell tells saves that read to whoever stands at the very place behind which the feed grew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use redis::RedisResult;
use redis::aio::{PubSub, PubSubSink};
use runtime::backoff::Backoff;
use runtime::{Process, Shutdown};
use schemas::UserId;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Cursor, Entry, bell_channel, read};
use crate::ReadModel;
use crate::connection::Connections;

/// How often the connection is tried, so that one that died silently is noticed.
const PING: Duration = Duration::from_secs(5);
/// How long Redis may take to confirm a subscription or a ping.
const CONFIRM: Duration = Duration::from_secs(2);
/// How many channels one command subscribes to after a reconnect.
const CHUNK: usize = 500;

/// The bells of all users, on one connection; clones share it.
#[derive(Debug, Clone)]
pub struct Bells(Arc<Tower>);

#[derive(Debug)]
struct Tower {
    ropes: Mutex<HashMap<String, Rope>>,
    changes: mpsc::UnboundedSender<Change>,
}

/// What all bells of one user hang on.
#[derive(Debug)]
struct Rope {
    rung: watch::Sender<Option<Arc<[u8]>>>,
    bells: usize,
}

/// A channel's first listener came, or its last one left.
#[derive(Debug)]
enum Change {
    Listen(String),
    Leave(String),
}

/// One user's bell. Dropping it ends the subscription when it was the last.
#[derive(Debug)]
pub struct Bell {
    channel: String,
    rung: watch::Receiver<Option<Arc<[u8]>>>,
    tower: Arc<Tower>,
}

/// By what a feed grew last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    /// The place behind which the entries were added.
    pub behind: Cursor,
    /// All of them, in order.
    pub entries: Vec<Entry>,
}

impl Growth {
    /// What a bell tells, as `feeds.lua` writes it: per entry its id in the feed, and its fields and values by turns.
    fn parse(told: &[u8]) -> Option<Self> {
        let told: Vec<(String, Vec<String>)> = serde_json::from_slice(told).ok()?;
        let links = told.into_iter().map(|(id, fields)| read::told(id, fields)).collect::<Option<Vec<_>>>()?;
        let behind = links.first()?.previous?;
        Some(Self { behind, entries: links.into_iter().map(|link| link.entry).collect() })
    }
}

impl ReadModel {
    /// Starts listening; the connection is owned by a task of this process and made again whenever it is lost.
    #[must_use]
    pub fn bells(&self, process: &Process) -> Bells {
        let (changes, inbox) = mpsc::unbounded_channel();
        let tower = Arc::new(Tower { ropes: Mutex::default(), changes });
        let ringer = Ringer { connections: self.connections.clone(), tower: Arc::clone(&tower), inbox };
        process.tasks.spawn("feed-bells", ringer.run(process.shutdown.clone()));
        Bells(tower)
    }
}

impl Bells {
    /// This user's bell. It rings as soon as the subscription stands, and from then on at every growth of the feed.
    #[must_use]
    pub fn listen(&self, user: &UserId) -> Bell {
        let channel = bell_channel(user);
        let mut ropes = self.0.ropes();
        let rope = ropes.entry(channel.clone()).or_insert_with(|| {
            self.0.change(Change::Listen(channel.clone()));
            Rope { rung: watch::Sender::new(None), bells: 0 }
        });
        rope.bells += 1;
        let rung = rope.rung.subscribe();
        drop(ropes);
        Bell { channel, rung, tower: Arc::clone(&self.0) }
    }
}

impl Bell {
    /// Completes when the feed may have grown since the last time, and says by what it grew last, if that is known. It
    /// may have grown more often. May be dropped and called again.
    pub async fn rung(&mut self) -> Option<Growth> {
        if self.rung.changed().await.is_err() {
            // Only a rope that was taken down fails, and this bell still holds on to its own.
            std::future::pending::<()>().await;
        }
        let told = self.rung.borrow_and_update().clone();
        told.and_then(|told| Growth::parse(&told))
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        let mut ropes = self.tower.ropes();
        let Some(rope) = ropes.get_mut(&self.channel) else { return };
        rope.bells -= 1;
        if rope.bells == 0 {
            ropes.remove(&self.channel);
            self.tower.change(Change::Leave(self.channel.clone()));
        }
    }
}

impl Tower {
    fn ropes(&self) -> MutexGuard<'_, HashMap<String, Rope>> {
        self.ropes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task that would take it is gone only when the process ends.
    fn change(&self, change: Change) {
        let _ = self.changes.send(change);
    }

    fn ring(&self, channel: &str, told: Option<Arc<[u8]>>) {
        if let Some(rope) = self.ropes().get(channel) {
            rope.rung.send_replace(told);
        }
    }

    fn ring_all(&self) {
        self.ropes().values().for_each(|rope| {
            rope.rung.send_replace(None);
        });
    }
}

/// The task that owns the connection.
struct Ringer {
    connections: Connections,
    tower: Arc<Tower>,
    inbox: mpsc::UnboundedReceiver<Change>,
}

impl Ringer {
    async fn run(mut self, shutdown: Shutdown) {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
        loop {
            let session = async {
                match self.connections.subscriber().await {
                    Ok(connection) => {
                        backoff.reset();
                        self.serve(connection).await
                    }
                    Err(error) => Err(error),
                }
            };
            let ended = tokio::select! {
                ended = session => ended,
                () = shutdown.requested() => return,
            };
            let Err(error) = ended else { return };
            tracing::warn!(%error, "the subscription to the feeds' bells was lost; making it again");
            tokio::select! {
                () = backoff.wait() => {}
                () = shutdown.requested() => return,
            }
        }
    }

    /// Rings until the connection fails, or nobody is left who could listen.
    async fn serve(&mut self, connection: PubSub) -> RedisResult<()> {
        let (mut sink, mut messages) = connection.split();
        // What changed so far shows in the ropes.
        while self.inbox.try_recv().is_ok() {}
        let channels: Vec<String> = self.tower.ropes().keys().cloned().collect();
        for chunk in channels.chunks(CHUNK) {
            confirmed(sink.subscribe(chunk)).await?;
        }
        self.tower.ring_all();
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => self.tower.ring(message.get_channel_name(), Some(message.get_payload_bytes().into())),
                    None => return Err(gone(std::io::ErrorKind::ConnectionAborted)),
                },
                change = self.inbox.recv() => match change {
                    Some(change) => self.follow(&mut sink, change).await?,
                    None => return Ok(()),
                },
                _ = ping.tick() => confirmed(sink.ping::<()>()).await?,
            }
        }
    }

    async fn follow(&self, sink: &mut PubSubSink, change: Change) -> RedisResult<()> {
        match change {
            Change::Listen(channel) => {
                confirmed(sink.subscribe(&channel)).await?;
                self.tower.ring(&channel, None);
            }
            Change::Leave(channel) => {
                let taken_again = self.tower.ropes().contains_key(&channel);
                if !taken_again {
                    confirmed(sink.unsubscribe(&channel)).await?;
                }
            }
        }
        Ok(())
    }
}

async fn confirmed<T>(request: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout(CONFIRM, request).await.unwrap_or_else(|_| Err(gone(std::io::ErrorKind::TimedOut)))
}

fn gone(kind: std::io::ErrorKind) -> redis::RedisError {
    std::io::Error::from(kind).into()
}
