//! What several commands come to on one state, each decided on what the ones before it left.

use domain::Aggregate;
use event_store::{CommandRecord, Commit, KeyHash, StoredEvent};
use schemas::{StreamId, Timestamp, Version};
use uuid::Uuid;

use super::pending::Pending;
use super::{Creates, Head, Rejected, Stream};

/// The most bytes of events that several commands write together. It is far below the limits of an event and of a
/// commit, so that only a command that is written alone can run into those.
const MOST_BYTES: usize = 64 * 1024;

/// The first commands of a batch, decided but not written.
pub(super) struct Plan<A: Aggregate> {
    /// What each command is told once this is written: the version after it, or why it had no effect.
    pub(super) verdicts: Vec<Result<Version, Rejected>>,
    /// Whether one of them changes nothing. That may be told only on a state that was read.
    pub(super) doubtful: bool,
    /// The head behind all of it.
    pub(super) head: Head<A>,
    first: Version,
    at: Timestamp,
    commands: Vec<CommandRecord>,
    keys: Vec<KeyHash>,
    events: Vec<StoredEvent>,
    bytes: usize,
}

/// A command's events, as the rules see them and as they are stored.
struct Decided<A: Aggregate> {
    events: Vec<A::Event>,
    stored: Vec<StoredEvent>,
    bytes: usize,
}

impl<A: Stream> Plan<A> {
    /// Decides as many of these commands as may be written together, and at least the first.
    pub(super) fn of(head: &Head<A>, pending: &[Pending<A>], now: Timestamp) -> Self {
        let mut plan = Self {
            verdicts: Vec::new(),
            doubtful: false,
            first: head.version.next(),
            // The hybrid clock never stands still along a stream, nor from a cause to its effect.
            at: pending.iter().filter_map(Pending::not_before).fold(now.max(head.at.next()), Timestamp::max),
            head: head.clone(),
            commands: Vec::new(),
            keys: Vec::new(),
            events: Vec::new(),
            bytes: 0,
        };
        for pending in pending {
            if !plan.add(pending) {
                break;
            }
        }
        plan
    }

    /// Decides one more command; `false` if it must wait for the next commit.
    fn add(&mut self, pending: &Pending<A>) -> bool {
        if self.bytes > MOST_BYTES {
            return false;
        }
        match pending.verdict(&self.head).and_then(Decided::new) {
            Err(rejected) => self.leave(Err(rejected)),
            Ok(decided) if decided.events.is_empty() => self.leave(Ok(self.head.version)),
            Ok(decided) if self.bytes + decided.bytes > MOST_BYTES && !self.verdicts.is_empty() => return false,
            Ok(decided) => self.accept(pending, decided),
        }
        true
    }

    /// A command that changes nothing.
    fn leave(&mut self, verdict: Result<Version, Rejected>) {
        self.doubtful = true;
        self.verdicts.push(verdict);
    }

    fn accept(&mut self, pending: &Pending<A>, decided: Decided<A>) {
        let Decided { events, stored, bytes } = decided;
        self.head.extend(&events, self.at);
        self.commands.push(pending.intent.record(u32::try_from(events.len()).unwrap_or(u32::MAX)));
        self.keys.extend(pending.intent.key.filter(|_| pending.creates == Creates::No));
        self.events.extend(stored);
        self.bytes += bytes;
        self.verdicts.push(Ok(self.head.version));
    }

    /// What is to be written, if anything.
    pub(super) fn commit(&self, stream: &StreamId) -> Option<Commit> {
        if self.events.is_empty() {
            return None;
        }
        Some(Commit {
            stream: stream.clone(),
            first: self.first,
            id: Uuid::now_v7(),
            at: self.at,
            owner: self.head.state.as_ref().and_then(|state| A::owner(stream, state)),
            commands: self.commands.clone(),
            keys: self.keys.clone(),
            events: self.events.clone(),
        })
    }
}

impl<A: Stream> Decided<A> {
    fn new(events: Vec<A::Event>) -> Result<Self, Rejected> {
        let stored = events.iter().map(StoredEvent::of).collect::<Result<Vec<_>, _>>()?;
        let bytes = stored.iter().map(|event| event.data.as_bytes().len()).sum();
        Ok(Self { events, stored, bytes })
    }
}
