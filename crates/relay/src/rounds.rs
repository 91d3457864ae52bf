//! Rounds, one after the other. The marks of one are still being removed while the next is under way, which passes over
//! them: so what is new does not wait for the store's answer about what is done.

use std::collections::HashSet;

use event_store::{CommitId, Lanes};
use futures::FutureExt as _;
use futures::future::{BoxFuture, join};
use tokio_util::sync::CancellationToken;

use crate::round::round;
use crate::{Error, Limits, Log, Outbox, Report};

/// The rounds of one relay over one outbox.
pub struct Rounds<O> {
    outbox: O,
    limits: Limits,
    fading: Fading,
    /// Commits that the round before could not publish. They are the oldest, and read first.
    stopped: u32,
}

/// Commits that the log has, while their marks are being removed.
#[derive(Default)]
struct Fading {
    commits: HashSet<CommitId>,
    removal: Option<Removal>,
}

type Removal = BoxFuture<'static, Result<(), event_store::Error>>;

impl<O: Outbox> Rounds<O> {
    /// The first one is yet to come.
    pub fn new(outbox: O, limits: Limits) -> Self {
        Self { outbox, limits, fading: Fading::default(), stopped: 0 }
    }

    /// Publishes the marked commits of these lanes, and begins to remove the marks of those of which every event was
    /// acknowledged. A stream of which something fails stops for this round: nothing later of it loses its mark. `stop`
    /// ends the reading; what was sent is still awaited. Dropping the future at any point is as safe as a crash: events
    /// may be published again, never lost or reordered.
    pub async fn next<L: Log>(&mut self, log: &L, lanes: Lanes, stop: &CancellationToken) -> Report {
        let Self { outbox, limits, fading: Fading { commits, removal }, stopped } = self;
        // However many cannot be published, as many others are read as ever.
        let limits = Limits { commits: limits.commits.saturating_add(*stopped), ..*limits };
        let round = round((outbox, log), lanes, limits, commits, stop);
        let (mut report, removed) = join(round, end(removal)).await;
        match removed {
            Ok(()) => report.finished += commits.len(),
            Err(error) => report.halt(error),
        }
        self.stopped = report.stopped_commits;
        self.fading = Fading::begin(&self.outbox, std::mem::take(&mut report.published_commits));
        report
    }

    /// Waits until no mark is being removed any more; says how many are gone. Cancel-safe.
    pub async fn settle(&mut self) -> Result<usize, Error> {
        let Fading { commits, removal } = &mut self.fading;
        let settled = end(removal).await.map(|()| commits.len());
        commits.clear();
        settled
    }
}

impl Fading {
    fn begin<O: Outbox>(outbox: &O, commits: Vec<CommitId>) -> Self {
        if commits.is_empty() {
            return Self::default();
        }
        let (outbox, fading) = (outbox.clone(), commits.iter().cloned().collect());
        let removal = async move { outbox.unmark(&commits).await }.boxed();
        Self { commits: fading, removal: Some(removal) }
    }
}

/// Waits until these marks are gone.
async fn end(removal: &mut Option<Removal>) -> Result<(), Error> {
    let Some(under_way) = removal else { return Ok(()) };
    let removed = under_way.await;
    *removal = None;
    removed.map_err(Error::Unmark)
}

impl<O> std::fmt::Debug for Rounds<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rounds").field("fading", &self.fading.commits.len()).finish_non_exhaustive()
    }
}
