//! Rounds, one after the other. The marks of one are still being removed while the next is under way, which passes over
//! them: so what is new does not wait for the store's answer about what is done.

use std::collections::HashSet;
use std::time::Duration;

use event_store::{CommitId, Lanes};
use futures::FutureExt as _;
use futures::future::{BoxFuture, join};
use runtime::backoff::Backoff;
use runtime::clock::{self, Instant};
use tokio_util::sync::CancellationToken;

use crate::round::{HeldBack, round};
use crate::{Error, Limits, Log, Outbox, Report};

/// How long it is held back of what the log refused a record, at first and at most. Each time that it is tried costs
/// everybody one round.
const FIRST_HOLD: Duration = Duration::from_secs(1);
const LAST_HOLD: Duration = Duration::from_secs(30);

/// The rounds of one relay over one outbox.
pub struct Rounds<O> {
    outbox: O,
    limits: Limits,
    fading: Fading,
    /// Commits that the round before could not publish. They are the oldest, and read first.
    stopped: u32,
    held: Held,
}

/// Of what the log refused a record. Such a refusal fails the round for all streams, so for a while rounds go without it.
struct Held {
    back: HeldBack,
    until: Instant,
    backoff: Backoff,
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
        Self { outbox, limits, fading: Fading::default(), stopped: 0, held: Held::new() }
    }

    /// Publishes the marked commits of these lanes, and begins to remove the marks of those of which every event was
    /// acknowledged. A stream of which something fails stops for this round: nothing later of it loses its mark. Streams or
    /// topics of which the log refused a record are left out for a while, and count as stopped. `stop` ends the reading; what
    /// was sent is still awaited. Dropping the future at any point is as safe as a crash: events may be published again, never
    /// lost or reordered.
    pub async fn next<L: Log>(&mut self, log: &L, lanes: Lanes, stop: &CancellationToken) -> Report {
        let Self { outbox, limits, fading: Fading { commits, removal }, stopped, held } = self;
        // However many cannot be published, as many others are read as ever.
        let limits = Limits { commits: limits.commits.saturating_add(*stopped), ..*limits };
        let (nothing, holding) = (HeldBack::default(), held.is_on());
        let back = if holding { &held.back } else { &nothing };
        let round = round((outbox, log), lanes, limits, (commits, back), stop);
        let (mut report, removed) = join(round, end(removal)).await;
        held.note(std::mem::take(&mut report.refused), holding || report.halted);
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

impl Held {
    fn new() -> Self {
        let backoff = Backoff::new(FIRST_HOLD, LAST_HOLD);
        Self { back: HeldBack::default(), until: clock::monotonic(), backoff }
    }

    fn is_on(&self) -> bool {
        clock::monotonic() < self.until
    }

    /// What a round showed: these were refused, or nothing was, which says little of a round that was not tried on all.
    fn note(&mut self, refused: HeldBack, partial: bool) {
        if !refused.is_empty() {
            self.back.topics.extend(refused.topics);
            self.back.streams.extend(refused.streams);
            self.until = clock::monotonic() + self.backoff.next();
        } else if !partial {
            self.back = HeldBack::default();
            self.backoff.reset();
        }
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
