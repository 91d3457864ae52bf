//! Checks a request's fields one by one and answers all mistakes together.

use runtime::problem::{PathPart, Problem};

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    mistakes: Vec<(Vec<PathPart>, &'static str, String)>,
}

/// A mistake in one field: a stable code and a sentence for people.
pub(crate) trait Mistake: std::fmt::Display {
    /// The code.
    fn code(&self) -> &'static str;
}

impl Mistake for domain::Invalid {
    fn code(&self) -> &'static str {
        Self::code(*self)
    }
}

impl Mistake for schemas::InvalidId {
    fn code(&self) -> &'static str {
        "invalid_id"
    }
}

impl Mistake for schemas::InvalidCurrency {
    fn code(&self) -> &'static str {
        "invalid_currency"
    }
}

impl Mistake for accounts::Invalid {
    fn code(&self) -> &'static str {
        Self::code(*self)
    }
}

impl Shape {
    /// The value at `path`, or a noted mistake.
    pub(crate) fn take<T, E: Mistake>(&mut self, path: &[PathPart], value: Result<T, E>) -> Option<T> {
        value.map_err(|mistake| self.mistakes.push((path.to_vec(), mistake.code(), mistake.to_string()))).ok()
    }

    /// The whole, if every part of it is there; else all mistakes. `whole` is `None` only where a mistake was noted.
    pub(crate) fn finish<T>(self, whole: Option<T>) -> Result<T, Problem> {
        whole.filter(|_| self.mistakes.is_empty()).ok_or_else(|| {
            self.mistakes
                .into_iter()
                .fold(Problem::validation(), |problem, (path, code, message)| problem.with_issue(path, code, message))
        })
    }
}
