//! The query string, read with an eye on every mistake: what is wrong is named in `issues`.
//!
//! Parameters that a route does not know are ignored, as the seeds did.

use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use read_model::Cursor;
use runtime::http::Search;
use runtime::problem::Problem;
use schemas::Aggregate;

use crate::cursor;

/// How many entries a page has unless the question says otherwise.
const DEFAULT_LIMIT: usize = 50;
/// How many entries a page has at most; who asks for more gets these.
const MAX_LIMIT: usize = 100;

/// Every parameter, in order; an extractor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Search(pairs) = Search::from_request_parts(parts, state).await?;
        Ok(Self(pairs))
    }
}

impl Parameters {
    /// Every value of a parameter that may be repeated; empty ones count as not given.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(key, value)| key == name && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }

    /// The different values of a parameter that may be repeated up to so often.
    pub(crate) fn several<'a>(&'a self, name: &'static str, at_most: usize) -> Result<BTreeSet<&'a str>, Problem> {
        let values: BTreeSet<_> = self.all(name).collect();
        if values.len() > at_most {
            return Err(wrong(name, format!("{at_most} different values are allowed at most")));
        }
        Ok(values)
    }

    /// The value of a parameter that may be given once, read by `parse`.
    pub(crate) fn one<T>(
        &self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let mut values = self.all(name);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(wrong(name, "may be given once"));
        }
        parse(value).map(Some).ok_or_else(|| wrong(name, format!("{expected} is expected")))
    }

    /// An instant in RFC 3339, as microseconds since the epoch.
    pub(crate) fn instant(&self, name: &'static str) -> Result<Option<i64>, Problem> {
        let micros = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond);
        self.one(name, "an instant such as 2025-01-31T12:00:00Z", micros)
    }

    /// How many entries the page may have.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        self.limit_or(DEFAULT_LIMIT)
    }

    /// A number from 1 on, if it is given.
    pub(crate) fn positive(&self, name: &'static str) -> Result<Option<u64>, Problem> {
        self.one(name, "a number from 1 on", |text| text.parse().ok().filter(|number| *number > 0))
    }

    /// How many entries the page may have, where another number than elsewhere is usual.
    pub(crate) fn limit_or(&self, usual: usize) -> Result<usize, Problem> {
        let at_most = |wanted| usize::try_from(wanted).map_or(MAX_LIMIT, |wanted| wanted.min(MAX_LIMIT));
        Ok(self.positive("limit")?.map_or(usual, at_most))
    }

    /// Where the page of a list of such streams starts; at the list's beginning if nothing is said.
    pub(crate) fn cursor(&self, listed: Aggregate) -> Result<Option<Cursor>, Problem> {
        let text = self.one("cursor", "one cursor", |text| Some(text.to_owned()))?;
        text.map(|text| cursor::read(&text, listed)).transpose()
    }
}

pub(crate) fn wrong(name: &'static str, message: impl Into<String>) -> Problem {
    Problem::validation().with_issue(vec![name.into()], "invalid_value", message)
}

#[cfg(test)]
mod tests {
    use super::Parameters;

    fn of(pairs: &[(&str, &str)]) -> Parameters {
        Parameters(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_page_has_1_to_100_entries_and_50_unless_told() {
        assert_eq!(of(&[]).limit().ok(), Some(50));
        assert_eq!(of(&[("limit", "")]).limit().ok(), Some(50));
        assert_eq!(of(&[("limit", "1")]).limit().ok(), Some(1));
        assert_eq!(of(&[("limit", "100")]).limit().ok(), Some(100));
        assert_eq!(of(&[("limit", "101")]).limit().ok(), Some(100), "the seeds took any number");
        for wrong in ["0", "-1", "ten", "1.5", "99999999999999999999"] {
            let problem = of(&[("limit", wrong)]).limit().err();
            assert_eq!(problem.map(|problem| problem.code()), Some("validation_failed"), "{wrong}");
        }
    }

    #[test]
    fn a_parameter_that_stands_for_one_value_may_be_given_once() {
        assert!(of(&[("limit", "1"), ("limit", "2")]).limit().is_err());
    }

    #[test]
    fn empty_and_repeated_values_count_as_the_seeds_counted_them() {
        let users = of(&[("userId", ""), ("userId", "b"), ("userId", "a"), ("userId", "b")]);
        assert_eq!(users.several("userId", 2).map(Vec::from_iter).ok(), Some(vec!["a", "b"]));
        assert!(users.several("userId", 1).is_err());
    }

    #[test]
    fn an_instant_is_rfc_3339_with_any_offset() {
        let micros = Some(Some(1_700_000_000_000_001));
        assert_eq!(of(&[("from", "2023-11-14T22:13:20.000001Z")]).instant("from").ok(), micros);
        assert_eq!(of(&[("from", "2023-11-14T23:13:20.000001+01:00")]).instant("from").ok(), micros);
        for wrong in ["yesterday", "1700000000", "2023-11-14", "2023-11-14T22:13:20"] {
            assert!(of(&[("from", wrong)]).instant("from").is_err(), "{wrong}");
        }
    }
}
