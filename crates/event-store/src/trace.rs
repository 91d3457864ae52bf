//! Commits in traces: the events of a recorded command follow from the span of its commit.

use std::borrow::Cow;

use runtime::trace::{Kind, Span};

use crate::{Appended, Commit, Error};

/// A commit on its way, and the spans of those of its commands whose traces are recorded. They end with it.
pub(crate) struct Traced<'a> {
    /// As it is to be written: with the spans as what its events follow from.
    pub(crate) commit: Cow<'a, Commit>,
    spans: Vec<Span>,
}

impl<'a> Traced<'a> {
    pub(crate) fn begin(commit: &'a Commit) -> Self {
        let mut traced = Self { commit: Cow::Borrowed(commit), spans: Vec::new() };
        for (index, command) in commit.commands.iter().enumerate() {
            let mut span = Span::below(command.traceparent.as_deref(), Kind::Client, "commit");
            if span.traceparent().is_none() {
                continue;
            }
            span.set("db.system.name", || "mongodb");
            span.set("orderflow.stream", || commit.stream.to_string());
            span.set("orderflow.version", || i64::from(commit.first.0));
            if let Some(command) = traced.commit.to_mut().commands.get_mut(index) {
                span.lead(&mut command.traceparent);
            }
            traced.spans.push(span);
        }
        traced
    }

    /// Says what became of it, and passes that on.
    pub(crate) fn end(mut self, outcome: Result<Appended, Error>) -> Result<Appended, Error> {
        let failure = match &outcome {
            Ok(Appended::Written) => None,
            Ok(Appended::Conflict) => Some("another commit came first"),
            Err(_) => Some("the commit was not acknowledged"),
        };
        if let Some(failure) = failure {
            self.spans.iter_mut().for_each(|span| span.failed(failure));
        }
        outcome
    }
}
