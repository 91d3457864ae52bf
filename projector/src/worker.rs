//! The work on one partition: take records, fold them, write the effect, move on.
//!
//! Whatever goes wrong has one way out: forget what was folded, ask Redis for the position, read on from there. So a
//! lost reply, a rewound Redis and another writer need no cases of their own, and nothing is ever skipped. An event that
//! cannot be decoded or applied parks its stream, in the same call that moves the position.

mod parking;
mod personal;
mod reading;
mod repairing;
mod step;

use std::time::Duration;

use bus::{Decoder, FeedError, PartitionFeed, RawRecord};
use read_model::{Places, ReadModel, Source, Target};
use runtime::backoff::Backoff;
use runtime::{Shutdown, clock};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use vault::Vault;
use views::View;

use crate::board::{Board, Place};
use crate::error::Stop;
use crate::pace::Pace;
use crate::progress::Progress;

/// How often an idle partition looks whether it is at the end of its log.
const LOOK: Duration = Duration::from_secs(1);
/// The waits of a partition that has stopped.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// What the workers of one generation share.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    pub(crate) read_model: ReadModel,
    pub(crate) decoder: Decoder,
    /// Opens personal data, where the projection shows any.
    pub(crate) vault: Option<Vault>,
    pub(crate) target: Target,
    pub(crate) board: Board,
    pub(crate) pace: Pace,
    /// The documents that somebody wants to be made anew.
    pub(crate) repairs: watch::Receiver<Places>,
    /// The end of the process, or of feeding this generation.
    pub(crate) shutdown: Shutdown,
}

/// One partition of one projection.
#[derive(Debug)]
pub(crate) struct Worker<V> {
    links: Links,
    source: Source,
    feed: PartitionFeed,
    place: Place,
    reconnections: watch::Receiver<u64>,
    look: Interval,
    progress: Progress<V, ReadModel>,
    /// Whether it was looked for streams that this build need not leave parked.
    released_known: bool,
}

/// What a worker wakes up for.
enum Wake {
    Records(Vec<RawRecord>),
    FeedFailed(FeedError),
    /// The partition was taken away, or the process ends.
    Ended,
    /// Redis may have been restarted.
    Reconnected,
    Look,
}

/// What to do after a wake-up.
enum Then {
    GoOn,
    /// Nothing was wrong, and nothing was done.
    Wait,
    /// What we remember does not count any more.
    Resume,
    End,
}

impl<V: View> Worker<V> {
    pub(crate) fn new(links: Links, feed: PartitionFeed) -> Self {
        let source = Source { topic: feed.topic.clone(), partition: feed.partition };
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            place: links.board.place(source.clone()),
            reconnections: links.read_model.reconnections(),
            look,
            progress: Progress::new(links.read_model.clone(), links.target, source.clone()),
            links,
            source,
            feed,
            released_known: false,
        }
    }

    /// Works until the partition is taken away or the process ends.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
        let mut resumed = false;
        while !self.links.shutdown.is_requested() {
            let outcome = if resumed { self.turn().await } else { self.resume().await };
            resumed = matches!(outcome, Ok(Then::GoOn | Then::Wait));
            match outcome {
                Ok(Then::GoOn) => backoff.reset(),
                Ok(Then::Wait | Then::Resume) => {}
                Ok(Then::End) => return,
                Err(stop) => {
                    // A generation that is gone is looked after by whoever looks which ones there are.
                    if !stop.is_of_what_is_gone() {
                        self.report(&stop);
                    }
                    tokio::select! {
                        () = self.links.shutdown.requested() => return,
                        () = backoff.wait() => {}
                    }
                }
            }
        }
    }

    /// Goes to the stored position, from whatever state.
    async fn resume(&mut self) -> Result<Then, Stop> {
        self.reconnections.mark_unchanged();
        let known = self.progress.position().next;
        self.progress.resume().await?;
        let stored = self.progress.position();
        if stored.next < known {
            let reason = format!("Redis went back from offset {known} to {}; reading again from there", stored.next);
            tracing::warn!(projection = self.links.target.projection, partition = %self.source, "{reason}");
            self.place.rewound(reason);
        }
        if !self.released_known {
            self.release_known().await?;
            self.released_known = true;
        }
        self.feed.seek(stored);
        Ok(Then::Wait)
    }

    fn report(&self, stop: &Stop) {
        let reason = runtime::chain(stop);
        let news = self.place.stopped(&reason);
        if news && !stop.is_passing() {
            let projection = self.links.target.projection;
            tracing::error!(projection, partition = %self.source, "{projection} stands still in {}: {reason}", self.source);
        }
    }

    /// Waits for something to do, and does it.
    async fn turn(&mut self) -> Result<Then, Stop> {
        match self.wake().await {
            Wake::Records(records) => {
                self.links.pace.admit(records.len()).await;
                self.project(&records).await
            }
            Wake::FeedFailed(FeedError::LogChanged(changed)) => self.start_over(&changed).await,
            Wake::FeedFailed(hole @ FeedError::Hole { .. }) => Err(Stop::Feed(hole)),
            Wake::Ended => Ok(Then::End),
            Wake::Reconnected => Ok(Then::Resume),
            Wake::Look => {
                if self.feed.at_end() {
                    self.place.at_end(clock::now_micros().div_euclid(1000));
                }
                Ok(Then::Wait)
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        tokio::select! {
            biased;
            Ok(()) = self.reconnections.changed() => Wake::Reconnected,
            records = self.feed.batch(read_model::MAX_BATCH) => match records {
                Some(Ok(records)) => Wake::Records(records),
                Some(Err(error)) => Wake::FeedFailed(error),
                None => Wake::Ended,
            },
            _ = self.look.tick() => Wake::Look,
        }
    }
}
