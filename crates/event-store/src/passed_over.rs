//! Commits that this build can do nothing with, and names.

use std::collections::BTreeSet;

use bson::raw::RawDocument;

/// Commits that a look at many leaves out, those of a newer build perhaps: it cannot be told which stream they belong to,
/// or what a walk needs to know of them; and, in a walk, whatever comes behind such a one in its stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// How many.
    pub commits: u32,
    /// What their streams are called.
    pub streams: BTreeSet<String>,
}

impl PassedOver {
    /// These, too.
    pub fn add(&mut self, more: Self) {
        self.commits = self.commits.saturating_add(more.commits);
        self.streams.extend(more.streams);
    }

    pub(crate) fn note(&mut self, document: &RawDocument) {
        self.commits = self.commits.saturating_add(1);
        self.streams.insert(stream_name(document).unwrap_or("without a name").to_owned());
    }
}

/// What the stream of a commit is called, whether this build knows such streams or not.
pub(crate) fn stream_name(document: &RawDocument) -> Option<&str> {
    document.get_document("_id").and_then(|id| id.get_str("s")).ok()
}
