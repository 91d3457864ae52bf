//! A batch: commands on one stream that are decided one after the other and written as one commit. Each gets an answer
//! of its own; one that is refused costs the others nothing.

use std::sync::Arc;
use std::time::Duration;

use domain::Aggregate;
use event_store::Appended;
use runtime::backoff::Backoff;
use schemas::StreamId;

use super::pending::Pending;
use super::plan::Plan;
use super::{Creates, Done, Head, Rejected, Store, Stream, Streams, replay};
use crate::metrics;

/// How often commands that lost their race are decided again before they are given up.
const ATTEMPTS: u32 = 8;

/// Commands that are on their way together.
pub(super) struct Batch<'a, A: Aggregate, S> {
    streams: &'a Streams<A, S>,
    stream: &'a StreamId,
    pending: Vec<Pending<A>>,
}

/// What a batch knows of its stream.
struct Known<A: Aggregate> {
    head: Arc<Head<A>>,
    /// Whether a majority was asked for it, and for the commands' keys, since the batch began.
    fresh: bool,
}

impl<'a, A: Stream, S: Store> Batch<'a, A, S> {
    /// A batch of these; those who waited for too long are told so.
    pub(super) fn new(streams: &'a Streams<A, S>, stream: &'a StreamId, pending: Vec<Pending<A>>) -> Self {
        let (late, pending): (Vec<_>, Vec<_>) = pending.into_iter().partition(Pending::is_late);
        late.into_iter().for_each(|pending| pending.answer(Err(Rejected::Contended)));
        Self { streams, stream, pending }
    }

    /// Answers every command.
    pub(super) async fn run(mut self) {
        if let Err(failure) = self.settle().await {
            self.pending.into_iter().for_each(|pending| pending.answer(Err(failure.clone())));
        }
    }

    async fn settle(&mut self) -> Result<(), Rejected> {
        let mut known = self.begin();
        let mut breath = breath();
        let mut lost = 0;
        while !self.pending.is_empty() {
            let plan = Plan::of(&known.head, &self.pending, self.streams.store.now());
            if plan.doubtful && !known.fresh {
                known = self.look(&known.head).await?;
                continue;
            }
            match self.write(&plan).await? {
                Appended::Written => {
                    lost = 0;
                    known = Known { head: self.answer(plan), ..known };
                }
                Appended::Conflict => {
                    metrics::CONFLICTS.add(u64::try_from(plan.verdicts.len()).unwrap_or(u64::MAX));
                    lost += 1;
                    if lost == ATTEMPTS {
                        return Err(Rejected::Contended);
                    }
                    breath.wait().await;
                    known = self.look(&known.head).await?;
                }
            }
        }
        Ok(())
    }

    /// Nobody looks before writing: whatever was committed behind this head, or under one of the keys, costs the batch its
    /// race, and is looked for then.
    fn begin(&self) -> Known<A> {
        let creates = self.pending.iter().any(|pending| pending.creates == Creates::FromKey);
        let head = if creates { Arc::default() } else { self.streams.cached(self.stream) };
        Known { head, fresh: false }
    }

    /// Looks up the keys that the stream's end would not show, and then reads what was committed behind this head. An
    /// earlier sending of some command may show in either.
    async fn look(&mut self, head: &Head<A>) -> Result<Known<A>, Rejected> {
        let others = self.pending.iter().filter(|pending| pending.creates == Creates::No);
        let keys: Vec<_> = others.filter_map(|pending| pending.intent.key).collect();
        let earlier = self.streams.store.find_keys(&keys).await?;
        self.replay(&earlier);
        let (streams, stream) = (self.streams, self.stream);
        let head = streams.refresh(stream, head, |commits| self.replay(commits)).await?;
        Ok(Known { head, fresh: true })
    }

    /// Answers the commands that one of these commits holds.
    fn replay(&mut self, commits: &[event_store::Commit]) {
        for pending in std::mem::take(&mut self.pending) {
            match replay(commits, &pending.intent) {
                Ok(None) => self.pending.push(pending),
                Ok(Some(done)) => pending.answer(Ok(done)),
                Err(rejected) => pending.answer(Err(rejected)),
            }
        }
    }

    /// Writes the events at the stream's end, unless another commit stands there already.
    async fn write(&self, plan: &Plan<A>) -> Result<Appended, Rejected> {
        match plan.commit(self.stream) {
            Some(commit) => Ok(self.streams.store.append(&commit).await?),
            None => Ok(Appended::Written),
        }
    }

    /// Tells the plan's commands what came of them. What was written is the stream's end, as a majority knows it.
    fn answer(&mut self, plan: Plan<A>) -> Arc<Head<A>> {
        let Plan { verdicts, head, .. } = plan;
        let head = Arc::new(head);
        self.streams.remember(self.stream, &head);
        let decided = self.pending.drain(..verdicts.len());
        for (pending, verdict) in decided.zip(verdicts) {
            let done = |version| Done { stream: self.stream.clone(), version, at: head.at, replayed: false };
            pending.answer(verdict.map(done));
        }
        head
    }
}

/// The waits after lost races: short, growing, jittered.
pub(crate) const fn breath() -> Backoff {
    Backoff::new(Duration::from_millis(2), Duration::from_millis(100))
}
