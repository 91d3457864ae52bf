//! Failures in the log: each is told once, however often it repeats.

use std::error::Error as _;

use crate::Error;

/// The last failure of one kind of rounds.
#[derive(Debug)]
pub(crate) struct Failures {
    /// What was not complete.
    of: &'static str,
    last: String,
}

impl Failures {
    pub(crate) const fn new(of: &'static str) -> Self {
        Self { of, last: String::new() }
    }

    /// Logs a failure, unless it was the last one, too.
    pub(crate) fn log(&mut self, failure: &Error, streams: usize) {
        let cause = failure.source().map(ToString::to_string).unwrap_or_default();
        let text = format!("{failure}: {cause}");
        if text != self.last {
            tracing::warn!(streams, cause, "{} was not complete: {failure}", self.of);
            self.last = text;
        }
    }

    /// All is well again.
    pub(crate) fn clear(&mut self) {
        self.last.clear();
    }
}
