//! Runs commands against one kind of aggregate: load, decide, commit, and answer retries.
//!
//! Promises: one (caller, route, key) has at most one effect; an acceptance may rest on cached state, but a refusal, an
//! "already done" and a replay are answered only after a majority read of the stream's tail.

use std::sync::Arc;

use domain::Aggregate;
use event_store::{Appended, Commit, EventStore, StoredEvent};
use runtime::{clock, tasks};
use schemas::{StreamId, Timestamp, UserId, Version};
use uuid::Uuid;

use crate::intent::Intent;
use crate::metrics;

mod gates;
mod head;
mod rejected;

use gates::Gates;
pub(crate) use head::Head;
pub(crate) use rejected::Rejected;

/// How often a command that lost its race is decided again before it is given up.
const ATTEMPTS: u32 = 8;
/// How many folded states are kept in memory, per aggregate.
const CACHED_HEADS: usize = 50_000;

/// An aggregate whose streams this process commits to.
pub(crate) trait Stream:
    Aggregate<State: 'static, Command: Send + Sync + 'static, Event: 'static> + Send + 'static
{
    /// The user whom events of this stream concern.
    fn owner(stream: &StreamId, state: &Self::State) -> Option<UserId>;
}

/// A command that took effect, now or when it was first sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    /// The stream that it was about.
    pub(crate) stream: StreamId,
    /// The stream's version after it.
    pub(crate) version: Version,
    /// When its last event was decided.
    pub(crate) at: Timestamp,
    /// Whether this is the answer to an earlier sending with the same key.
    pub(crate) replayed: bool,
}

/// All streams of one aggregate. Cheap to clone.
pub(crate) struct Streams<A: Aggregate> {
    store: EventStore,
    heads: Arc<quick_cache::sync::Cache<StreamId, Arc<Head<A>>>>,
    gates: Arc<Gates>,
}

impl<A: Aggregate> Clone for Streams<A> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), heads: self.heads.clone(), gates: self.gates.clone() }
    }
}

impl<A: Aggregate> std::fmt::Debug for Streams<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").field("cached", &self.heads.len()).finish_non_exhaustive()
    }
}

/// Whether the command's stream gets its id from the command's own key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Creates {
    /// Yes: the command is decided as if the stream were empty, without a read; if it is not, its first commit shows
    /// the key.
    FromKey,
    /// No: the key is written beside the commit, and looked up before the command is decided.
    No,
}

impl<A: Stream> Streams<A> {
    /// The streams that lie in this store.
    #[must_use]
    pub(crate) fn new(store: EventStore) -> Self {
        Self { store, heads: Arc::new(quick_cache::sync::Cache::new(CACHED_HEADS)), gates: Arc::default() }
    }

    /// The state of a stream by a majority read.
    pub(crate) async fn load(&self, stream: &StreamId) -> Result<Arc<Head<A>>, Rejected> {
        let known = self.cached(stream);
        Ok(self.refresh(stream, &known).await?.head)
    }

    /// Runs a command to its end, also when the caller stops waiting for it.
    pub(crate) async fn execute(
        &self,
        stream: StreamId,
        creates: Creates,
        command: A::Command,
        intent: Intent,
    ) -> Result<Done, Rejected> {
        let run = Run { streams: self.clone(), stream, creates, command, intent };
        match tasks::spawn("command", async move { run.finish().await }).await {
            Ok(outcome) => outcome,
            Err(panicked) => Err(Rejected::Died(panicked)),
        }
    }

    fn cached(&self, stream: &StreamId) -> Arc<Head<A>> {
        self.heads.get(stream).unwrap_or_default()
    }

    /// Reads what was committed behind `known` and folds it on.
    async fn refresh(&self, stream: &StreamId, known: &Head<A>) -> Result<Refreshed<A>, Rejected> {
        let commits = self.store.tail(stream, known.version.next()).await?;
        let head = Arc::new(known.fold(&commits)?);
        if head.state.is_some() {
            self.heads.insert(stream.clone(), head.clone());
        }
        Ok(Refreshed { head, commits })
    }
}

struct Refreshed<A: Aggregate> {
    head: Arc<Head<A>>,
    commits: Vec<Commit>,
}

/// One command on its way.
struct Run<A: Aggregate> {
    streams: Streams<A>,
    stream: StreamId,
    creates: Creates,
    command: A::Command,
    intent: Intent,
}

impl<A: Stream> Run<A> {
    async fn finish(self) -> Result<Done, Rejected> {
        let _in_flight = match &self.intent.key {
            Some(key) => Some(self.streams.gates.key(key).await?),
            None => None,
        };
        let _turn = self.streams.gates.stream(&self.stream).await?;
        match self.answered_before().await? {
            Some(done) => Ok(done),
            None => self.decide().await,
        }
    }

    /// Looks the key up, where the stream itself would not show it.
    async fn answered_before(&self) -> Result<Option<Done>, Rejected> {
        match (&self.intent.key, self.creates) {
            (Some(key), Creates::No) => match self.streams.store.find_key(key).await? {
                Some(commit) => replay(&[commit], &self.intent),
                None => Ok(None),
            },
            (Some(_), Creates::FromKey) | (None, _) => Ok(None),
        }
    }

    async fn decide(&self) -> Result<Done, Rejected> {
        let mut head = match self.creates {
            Creates::FromKey => Arc::default(),
            Creates::No => self.streams.cached(&self.stream),
        };
        let mut fresh = false;
        let mut breath = gates::breath();
        for _ in 0..ATTEMPTS {
            match self.verdict(&head) {
                Ok(events) if !events.is_empty() => {
                    if let Some(done) = self.commit(&head, &events).await? {
                        return Ok(done);
                    }
                    metrics::CONFLICTS.add(1);
                    breath.wait().await;
                }
                Ok(_) if fresh => return Ok(self.done(&head)),
                Err(rejected) if fresh => return Err(rejected),
                Ok(_) | Err(_) => {}
            }
            // What was known does not suffice. An earlier sending of this command may show in what is read now.
            let read = self.streams.refresh(&self.stream, &head).await?;
            if let Some(done) = replay(&read.commits, &self.intent)? {
                return Ok(done);
            }
            (head, fresh) = (read.head, true);
        }
        Err(Rejected::Contended)
    }

    /// What the rules say on this state.
    fn verdict(&self, head: &Head<A>) -> Result<Vec<A::Event>, Rejected> {
        match self.intent.expected {
            Some(expected) if expected != head.version => Err(Rejected::Stale { expected, actual: head.version }),
            Some(_) | None => Ok(A::decide(head.state.as_ref(), &self.command)?),
        }
    }

    /// Writes the events at the stream's end; nothing if another commit stands there already.
    async fn commit(&self, head: &Head<A>, events: &[A::Event]) -> Result<Option<Done>, Rejected> {
        let next = head.then(events, Timestamp::from_micros(clock::now_micros()));
        let commit = Commit {
            stream: self.stream.clone(),
            first: head.version.next(),
            id: Uuid::now_v7(),
            at: next.at,
            owner: next.state.as_ref().and_then(|state| A::owner(&self.stream, state)),
            commands: vec![self.intent.record(u32::try_from(events.len()).unwrap_or(u32::MAX))],
            keys: self.intent.key.filter(|_| self.creates == Creates::No).into_iter().collect(),
            events: events.iter().map(StoredEvent::of).collect::<Result<_, _>>()?,
        };
        match self.streams.store.append(&commit).await? {
            Appended::Conflict => Ok(None),
            Appended::Written => {
                let done = self.done(&next);
                self.streams.heads.insert(self.stream.clone(), Arc::new(next));
                Ok(Some(done))
            }
        }
    }

    fn done(&self, head: &Head<A>) -> Done {
        Done { stream: self.stream.clone(), version: head.version, at: head.at, replayed: false }
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
            if command.fingerprint.as_ref() != Some(&intent.fingerprint) {
                return Err(Rejected::KeyReused);
            }
            metrics::REPLAYS.add(1);
            return Ok(Some(Done { stream: commit.stream.clone(), version, at: commit.at, replayed: true }));
        }
    }
    Ok(None)
}
