//! Runs commands against one kind of aggregate: load, decide, commit, and answer retries. Commands that meet at one
//! stream are decided one after the other and written as one commit; each gets its own answer.
//!
//! Promises: one (caller, route, key) has at most one effect. An acceptance may rest on cached state, because its commit
//! fails if another one already has its version or key. A refusal, an "already done" and a replay are answered only after a
//! majority read of the key and of the stream's tail.

use std::sync::Arc;

use domain::Aggregate;
use event_store::{Commit, EventStore};
use runtime::tasks;
use schemas::{StreamId, Timestamp, UserId, Version};

use crate::intent::Intent;
use crate::metrics;

mod batch;
mod gates;
mod head;
mod pending;
mod plan;
mod queue;
mod rejected;
mod store;
#[cfg(test)]
mod tests;

use batch::Batch;
pub(crate) use batch::breath;
use gates::Gates;
pub(crate) use head::Head;
use pending::Pending;
pub(crate) use queue::MOST_COMMANDS;
use queue::{Queues, Turn};
pub use rejected::Rejected;
pub use store::Store;

/// How many folded states are kept in memory, per aggregate.
const CACHED_HEADS: usize = 50_000;

/// An aggregate whose streams this process commits to.
pub trait Stream: Aggregate<State: 'static, Command: Send + Sync + 'static, Event: 'static> + Send + 'static {
    /// The user whom events of this stream concern.
    fn owner(stream: &StreamId, state: &Self::State) -> Option<UserId>;
}

/// A command that took effect, now or when it was first sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The stream that it was about.
    pub stream: StreamId,
    /// The stream's version after it.
    pub version: Version,
    /// When its last event was decided.
    pub at: Timestamp,
    /// Whether this is the answer to an earlier sending with the same key.
    pub replayed: bool,
}

/// All streams of one aggregate. Cheap to clone.
pub struct Streams<A: Aggregate, S = EventStore> {
    store: S,
    heads: Arc<quick_cache::sync::Cache<StreamId, Arc<Head<A>>>>,
    gates: Arc<Gates>,
    queues: Arc<Queues<A>>,
}

impl<A: Aggregate, S: Clone> Clone for Streams<A, S> {
    fn clone(&self) -> Self {
        let Self { store, heads, gates, queues } = self;
        Self { store: store.clone(), heads: heads.clone(), gates: gates.clone(), queues: queues.clone() }
    }
}

impl<A: Aggregate, S> std::fmt::Debug for Streams<A, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").field("cached", &self.heads.len()).finish_non_exhaustive()
    }
}

/// Whether the command's stream gets its id from the command's own key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creates {
    /// Yes: the command is decided as if the stream were empty, without a read; if it is not, its first commit shows
    /// the key.
    FromKey,
    /// No: the key is written beside the commit, where no other may have it, and looked up before anything but success is
    /// answered.
    No,
}

impl<A: Stream, S: Store> Streams<A, S> {
    /// The streams that lie in this store.
    #[must_use]
    pub fn new(store: S) -> Self {
        let heads = Arc::new(quick_cache::sync::Cache::new(CACHED_HEADS));
        Self { store, heads, gates: Arc::default(), queues: Arc::new(Queues::new(MOST_COMMANDS)) }
    }

    /// The same, where this many commands on one stream are decided together at most.
    #[must_use]
    pub(crate) fn with_batches_of(self, most: u16) -> Self {
        Self { queues: Arc::new(Queues::new(most)), ..self }
    }

    /// The state of a stream by a majority read.
    pub(crate) async fn load(&self, stream: &StreamId) -> Result<Arc<Head<A>>, Rejected> {
        let known = self.cached(stream);
        self.refresh(stream, &known, |_| {}).await
    }

    /// The state of a stream at this version or a later one: as it is remembered, else by a majority read.
    pub(crate) async fn at_least(&self, stream: &StreamId, version: Version) -> Result<Arc<Head<A>>, Rejected> {
        let known = self.cached(stream);
        if known.version >= version { Ok(known) } else { self.load(stream).await }
    }

    /// Runs a command to its end, even if the caller stops waiting for it. Before it begins, it waits for any other command
    /// that is under way here with the same key.
    pub async fn execute(
        &self,
        stream: StreamId,
        creates: Creates,
        command: A::Command,
        intent: Intent,
    ) -> Result<Done, Rejected> {
        let key = match &intent.key {
            Some(key) => Some(self.gates.key(key).await?),
            None => None,
        };
        let (pending, answered) = Pending::new(creates, command, intent, key);
        if let Some(turn) = self.queues.enter(&stream, pending) {
            // Nobody waits for the task: each command is answered by itself.
            drop(tasks::spawn("commands", self.clone().serve(turn)));
        }
        answered.await?
    }

    /// Works on a stream until no command waits for it any more.
    async fn serve(self, mut turn: Turn<A>) {
        while let Some(pending) = turn.take() {
            Batch::new(&self, &turn.stream, pending).run().await;
        }
    }

    fn cached(&self, stream: &StreamId) -> Arc<Head<A>> {
        self.heads.get(stream).unwrap_or_default()
    }

    /// Reads what was committed behind `known` and folds it on, a page at a time: a stream may be of any length. `seen` is
    /// shown every page.
    async fn refresh(
        &self,
        stream: &StreamId,
        known: &Head<A>,
        mut seen: impl FnMut(&[Commit]) + Send,
    ) -> Result<Arc<Head<A>>, Rejected> {
        let (mut head, mut next) = (known.clone(), Some(known.version.next()));
        let read = async {
            while let Some(from) = next {
                let page = self.store.tail_page(stream, from).await?;
                head.fold(&page.commits)?;
                seen(&page.commits);
                next = page.next;
            }
            Ok(())
        };
        let read = read.await;
        let head = Arc::new(head);
        // Also what was read before a failure: whoever tries again goes on from there.
        self.remember(stream, &head);
        read.map(|()| head)
    }

    fn remember(&self, stream: &StreamId, head: &Arc<Head<A>>) {
        if head.state.is_some() {
            self.heads.insert(stream.clone(), Arc::clone(head));
        }
    }
}

/// The first answer again, if one of these commits was made by this very command.
pub(crate) fn replay(commits: &[Commit], intent: &Intent) -> Result<Option<Done>, Rejected> {
    let Some(key) = &intent.key else { return Ok(None) };
    for commit in commits {
        let mut version = Version(commit.first.0.saturating_sub(1));
        for command in &commit.commands {
            version = version.plus(command.events);
            if command.key.as_ref() != Some(key) {
                continue;
            }
            if intent.fingerprint.is_some_and(|asked| command.fingerprint != Some(asked)) {
                return Err(Rejected::KeyReused);
            }
            metrics::REPLAYS.add(1);
            return Ok(Some(Done { stream: commit.stream.clone(), version, at: commit.at, replayed: true }));
        }
    }
    Ok(None)
}
