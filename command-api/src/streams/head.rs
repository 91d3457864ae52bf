//! What is known of a stream: its folded state, its version, and the time of its last event.

use domain::Aggregate;
use event_store::{Commit, StoredEvent};
use schemas::{DecodeError, Event, Timestamp, Version};

/// A stream folded up to `version`. Without events it has no state.
#[derive(Debug)]
pub(crate) struct Head<A: Aggregate> {
    /// The last event folded.
    pub(crate) version: Version,
    /// When it was decided; the next event must be later.
    pub(crate) at: Timestamp,
    /// What the events add up to.
    pub(crate) state: Option<A::State>,
}

impl<A: Aggregate> Default for Head<A> {
    fn default() -> Self {
        Self { version: Version::NONE, at: Timestamp::from_micros(0), state: None }
    }
}

impl<A: Aggregate> Clone for Head<A> {
    fn clone(&self) -> Self {
        Self { version: self.version, at: self.at, state: self.state.clone() }
    }
}

impl<A: Aggregate> Head<A> {
    /// Folds the commits behind this head onto it. Events that it knows already are passed over. A commit is folded as a
    /// whole or not at all: a head that ended within one would be appended to there.
    pub(super) fn fold(&mut self, commits: &[Commit]) -> Result<(), DecodeError> {
        for commit in commits {
            let decode = |stored: &StoredEvent| A::Event::from_document(&stored.name, &stored.data);
            let events = commit.events.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
            for (version, event) in (commit.first.0..).map(Version).zip(&events) {
                if version > self.version {
                    self.state = A::evolve(self.state.take(), event);
                    (self.version, self.at) = (version, commit.at);
                }
            }
        }
        Ok(())
    }

    /// The head after these new events, decided now. The hybrid clock never stands still along a stream.
    pub(crate) fn then(&self, events: &[A::Event], now: Timestamp) -> Self {
        let mut head = self.clone();
        head.extend(events, now.max(self.at.next()));
        head
    }

    /// Folds new events, decided at this time, onto the head.
    pub(super) fn extend(&mut self, events: &[A::Event], at: Timestamp) {
        self.state = events.iter().fold(self.state.take(), |state, event| A::evolve(state, event));
        let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
        (self.version, self.at) = (self.version.plus(count), at);
    }
}
