//! Follows one user's feed and puts what is new into the shared queue.

use std::sync::Arc;
use std::time::Duration;

use read_model::ReadModel;
use read_model::feeds::{Bell, Cursor, Growth, Read};
use runtime::Shutdown;
use runtime::backoff::Backoff;

use super::ring::Ring;
use super::{Hub, frames};
use crate::Error;

/// How many entries one read of the feed brings.
const PAGE: usize = 100;
/// How often the feed is read though no bell rang; bells that a dying connection swallowed are made up for anyway.
const SAFETY_READ: Duration = Duration::from_secs(15);

/// The one reader of a user's feed in this process.
pub(super) struct Follower {
    pub(super) hub: Arc<Hub>,
    pub(super) read_model: ReadModel,
    pub(super) bell: Bell,
    pub(super) queue_bytes: usize,
}

impl Follower {
    /// Follows until the user's last connection is gone.
    pub(super) async fn run(mut self, shutdown: Shutdown) {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
        let mut growth = None;
        loop {
            let pause = match self.catch_up(growth).await {
                Ok(()) => {
                    backoff.reset();
                    SAFETY_READ
                }
                Err(error) => {
                    tracing::debug!(%error, user.id = %self.hub.user, "a feed could not be read; trying again");
                    backoff.next()
                }
            };
            growth = tokio::select! {
                growth = self.bell.rung() => growth,
                () = tokio::time::sleep(pause) => None,
                () = self.hub.abandoned.cancelled() => return,
                () = shutdown.requested() => return,
            }
        }
    }

    /// Takes what the bell told, if it follows what is known; else reads the feed.
    async fn catch_up(&self, growth: Option<Growth>) -> Result<(), Error> {
        if let Some(Growth { behind, entries }) = growth {
            let frames = frames(entries)?;
            let follows = self.hub.ring().as_mut().is_some_and(|ring| ring.follow(behind, frames));
            if follows {
                self.hub.grown.send_replace(());
                return Ok(());
            }
        }
        self.read_on().await
    }

    /// Reads until there is nothing more.
    async fn read_on(&self) -> Result<(), Error> {
        let mut head = self.head().await?;
        loop {
            match self.read_model.feed_read(&self.hub.user, head, PAGE).await? {
                Read::Known(entries) => {
                    let last_page = entries.len() < PAGE;
                    let frames = frames(entries)?;
                    head = frames.last().map_or(head, |frame| frame.cursor);
                    if !frames.is_empty() {
                        self.change(|ring| frames.into_iter().for_each(|frame| ring.push(frame)));
                    }
                    if last_page {
                        return Ok(());
                    }
                }
                Read::Unknown { head: newest } => {
                    tracing::warn!(user.id = %self.hub.user, "a feed has lost its past; its readers must reload");
                    head = newest;
                    self.change(|ring| ring.restart(newest));
                }
            }
        }
    }

    /// The place behind what was read so far; the first time that is the feed's head.
    async fn head(&self) -> Result<Cursor, Error> {
        if let Some(ring) = self.hub.ring().as_ref() {
            return Ok(ring.head());
        }
        let head = self.read_model.feed_head(&self.hub.user).await?;
        *self.hub.ring() = Some(Ring::new(head, self.queue_bytes));
        self.hub.grown.send_replace(());
        Ok(head)
    }

    fn change(&self, change: impl FnOnce(&mut Ring)) {
        if let Some(ring) = self.hub.ring().as_mut() {
            change(ring);
        }
        self.hub.grown.send_replace(());
    }
}
