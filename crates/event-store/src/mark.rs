//! Marks: what asks a relay to publish a commit. They are fields of the commit; each names the lane of its stream.
//!
//! A commit is born with the first kind, and loses it when the log has it. The second kind asks for the same once more,
//! behind everything that was never published: it has a field and an index of its own, so that a look at the first kind
//! never walks past it, however many there are.

use bson::{Document, doc};

/// A kind of mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// To be published as soon as possible.
    Live,
    /// To be published again, when there is time.
    Again,
}

impl Mark {
    /// The field that holds the lane. Part of the stored format.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::Live => "o",
            Self::Again => "r",
        }
    }

    /// The index over the commits with this mark only. By time first: so a look at the outbox is one walk along it
    /// whatever the lanes, and passes over what was published lately once instead of once per lane.
    pub(crate) fn index(self) -> Document {
        doc! { "at": 1, self.field(): 1 }
    }
}
