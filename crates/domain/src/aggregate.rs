//! What an aggregate is: a fold of its events, and a decision on each command.

use std::fmt::Debug;

use schemas::Event;

use crate::Refusal;

/// One kind of stream: how its events make its state, and which events a command brings about.
pub trait Aggregate {
    /// What is known after some events; a stream without events has none.
    type State: Clone + Debug + Send + Sync + 'static;
    /// What it can be told to do.
    type Command;
    /// What can happen to it.
    type Event: Event;

    /// The state after one more event. An event that this state cannot have changes nothing: `decide` never makes one.
    fn evolve(state: Option<Self::State>, event: &Self::Event) -> Option<Self::State>;

    /// The events that a command brings about. None at all if its effect is there already.
    fn decide(state: Option<&Self::State>, command: &Self::Command) -> Result<Vec<Self::Event>, Refusal>;
}

/// The state after all of these events.
pub fn fold<'a, A: Aggregate>(events: impl IntoIterator<Item = &'a A::Event>) -> Option<A::State> {
    events.into_iter().fold(None, A::evolve)
}
