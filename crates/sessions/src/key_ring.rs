//! The keys as they are now, and where they are read again.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use runtime::{Dependency, Process, Shutdown, chain};
use tokio::sync::{Notify, Semaphore, watch};

use crate::keys::{InvalidKeys, Keys};
use crate::{Error, SessionsConfig};

/// The least time between two readings.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a published key set is read if nobody asks for it.
const EVERY_MINUTE: Duration = Duration::from_secs(60);
/// How long reading may take, and how long somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(3);
/// So many wait for a reading at once: anybody can name a key that is not there.
const WAITING: usize = 64;
/// No key set is larger, in bytes.
const LARGEST: usize = 256 * 1024;

/// The keys, replaced as a whole.
#[derive(Debug)]
pub(crate) struct KeyRing {
    keys: RwLock<Option<Arc<Keys>>>,
    source: Option<Source>,
    readings: watch::Sender<Readings>,
    asked: Notify,
    room: Semaphore,
}

/// How many readings there were.
#[derive(Debug, Clone, Copy, Default)]
struct Readings {
    begun: u64,
    done: u64,
}

/// What became of the wish to have the keys read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// They were.
    Done,
    /// They could not be, or never are.
    Failed,
    /// Too many wait for it already.
    Crowded,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url { client: reqwest::Client, url: String },
}

/// The keys could not be read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("cannot read the file")]
    File(#[from] std::io::Error),
    #[error("cannot fetch the URL")]
    Url(#[from] reqwest::Error),
    #[error("more than {LARGEST} bytes are no key set")]
    TooLarge,
    #[error("what is there cannot be used")]
    Keys(#[from] InvalidKeys),
}

impl KeyRing {
    /// The keys of the configuration; none yet if it only says where they are published.
    pub(crate) fn new(config: &SessionsConfig) -> Result<Self, Error> {
        let keys = config.jwks.as_deref().map(Keys::parse).transpose()?.map(Arc::new);
        let url = config.jwks_url.clone().map(|url| {
            let client = reqwest::Client::builder().timeout(PATIENCE).build();
            client.map(|client| Source::Url { client, url }).map_err(Error::Client)
        });
        let source =
            config.jwks_file.clone().map(Source::File).map_or_else(|| url.transpose(), |file| Ok(Some(file)))?;
        let (readings, asked, room) = (watch::Sender::default(), Notify::new(), Semaphore::new(WAITING));
        Ok(Self { keys: RwLock::new(keys), source, readings, asked, room })
    }

    /// The keys of now; `None` if none were ever there.
    pub(crate) fn keys(&self) -> Option<Arc<Keys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the keys read again, at most once a second however many ask, and waits for it. A reading that is under way may
    /// have seen what was there before, so it does not count.
    pub(crate) async fn read_again(&self) -> Reading {
        if self.source.is_none() {
            return Reading::Failed;
        }
        let Ok(_place) = self.room.try_acquire() else { return Reading::Crowded };
        let mut readings = self.readings.subscribe();
        let begun = readings.borrow().begun;
        self.asked.notify_one();
        match tokio::time::timeout(PATIENCE, readings.wait_for(|readings| readings.done > begun)).await {
            Ok(Ok(_)) => Reading::Done,
            Ok(Err(_)) | Err(_) => Reading::Failed,
        }
    }

    /// Reads the keys again for as long as the process lives, if they lie where they can change. The dependency `keys`
    /// is up once there are any; keys that cannot be read again stay in use.
    pub(crate) fn follow(self: Arc<Self>, process: &Process) {
        if self.source.is_none() {
            return;
        }
        let health = process.health.dependency("keys");
        if self.keys().is_some() {
            health.up();
        }
        let shutdown = process.shutdown.clone();
        process.tasks.supervise("keys", async move {
            self.run(&health, &shutdown).await;
            Ok::<(), Infallible>(())
        });
    }

    async fn run(&self, health: &Dependency, shutdown: &Shutdown) {
        let mut failing = false;
        while !shutdown.is_requested() {
            self.readings.send_modify(|readings| readings.begun += 1);
            match self.read().await {
                Ok(()) => {
                    failing = false;
                    health.up();
                }
                Err(unread) if self.keys().is_none() => health.down(chain(&unread)),
                Err(unread) => {
                    if !failing {
                        tracing::warn!(
                            error = chain(&unread),
                            "the public keys cannot be read again; the known ones stay"
                        );
                    }
                    failing = true;
                }
            }
            self.readings.send_modify(|readings| readings.done += 1);
            tokio::select! {
                () = shutdown.requested() => {}
                () = self.pause() => {}
            }
        }
    }

    async fn pause(&self) {
        tokio::time::sleep(PAUSE).await;
        if let Some(Source::Url { .. }) = self.source {
            // Nobody asking for so long is the normal case.
            let _ = tokio::time::timeout(EVERY_MINUTE, self.asked.notified()).await;
        }
    }

    async fn read(&self) -> Result<(), Unread> {
        let text = match &self.source {
            None => return Ok(()),
            Some(Source::File(path)) => tokio::fs::read_to_string(path).await?,
            Some(Source::Url { client, url }) => client.get(url).send().await?.error_for_status()?.text().await?,
        };
        if text.len() > LARGEST {
            return Err(Unread::TooLarge);
        }
        self.replace(Keys::parse(&text)?);
        Ok(())
    }

    fn replace(&self, new: Keys) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        match keys.as_deref() {
            Some(old) if *old == new => return,
            Some(old) => *keys = Some(Arc::new(new.after(old))),
            None => *keys = Some(Arc::new(new)),
        }
        tracing::info!(keys = ?keys.as_deref(), "the public keys have changed");
    }
}
