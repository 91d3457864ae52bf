//! One command on its way, and whoever waits for it.

use std::time::Duration;

use domain::{Aggregate, RefusalKind};
use runtime::clock::{self, Instant};
use schemas::Timestamp;
use tokio::sync::{OwnedMutexGuard, oneshot};

use super::{Creates, Done, Head, Rejected, Stream};
use crate::intent::Intent;

/// The longest that a command waits for its stream's turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// A command that has not been answered yet. Dropping it tells its caller that nobody will.
pub(super) struct Pending<A: Aggregate> {
    pub(super) creates: Creates,
    pub(super) intent: Intent,
    command: A::Command,
    since: Instant,
    answer: oneshot::Sender<Result<Done, Rejected>>,
    /// Keeps other requests with the same key waiting.
    _key: Option<OwnedMutexGuard<()>>,
}

/// Where a command's answer arrives.
pub(super) type Answered = oneshot::Receiver<Result<Done, Rejected>>;

impl<A: Stream> Pending<A> {
    pub(super) fn new(
        creates: Creates,
        command: A::Command,
        intent: Intent,
        key: Option<OwnedMutexGuard<()>>,
    ) -> (Self, Answered) {
        let (answer, answered) = oneshot::channel();
        (Self { creates, intent, command, since: clock::monotonic(), answer, _key: key }, answered)
    }

    /// What the rules say on this state.
    pub(super) fn verdict(&self, head: &Head<A>) -> Result<Vec<A::Event>, Rejected> {
        let decided = A::decide(head.state.as_ref(), &self.command);
        match (self.intent.check(head.version), decided) {
            // Whoever may not know of it is not told its version either.
            (Err(_stale), Err(refusal)) if refusal.kind() == RefusalKind::NotFound => Err(refusal.into()),
            (Err(stale), _) => Err(stale),
            (Ok(()), decided) => Ok(decided?),
        }
    }

    /// The least time that its events may be dated.
    pub(super) fn not_before(&self) -> Option<Timestamp> {
        self.intent.cause.as_ref().map(|cause| cause.at.next())
    }

    /// Whether it has waited for longer than its caller can be expected to.
    pub(super) fn is_late(&self) -> bool {
        self.since.elapsed() > PATIENCE
    }

    pub(super) fn answer(self, outcome: Result<Done, Rejected>) {
        // Whoever no longer waits finds out by asking again with the same key.
        let _ = self.answer.send(outcome);
    }
}
