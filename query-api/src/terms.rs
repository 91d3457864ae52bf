//! The terms on which a query is asked: not older than what, how long it may wait for that, and which answer the caller
//! already has.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use runtime::problem::Problem;
use schemas::{StreamId, Version};

use crate::parameters::Parameters;

/// How long an answer may wait for the projection unless the question says otherwise.
const DEFAULT_WAIT: u64 = 1;
/// How long it may wait at most, in seconds; who asks for more gets this.
const MAX_WAIT: u64 = 10;
/// How many tokens one question may carry.
const MAX_TOKENS: usize = 8;

/// An extractor. Without any of it, a query answers at once with what there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// What the answer must not be older than.
    pub(crate) tokens: Vec<Token>,
    /// Seconds, if `Prefer: wait=N` was understood.
    preferred_wait: Option<u64>,
    /// Whether `Prefer: feed-cursor` asks from where to listen for what comes after the answer.
    pub(crate) listens: bool,
    /// The entity tags of the answers that the caller has.
    known: Vec<String>,
}

/// A consistency token, `<stream>@<version>`, as commands answer it. Clients hand it on as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// Which stream.
    pub(crate) stream: StreamId,
    /// The version that the answer must contain at least.
    pub(crate) version: Version,
}

impl<S: Send + Sync> FromRequestParts<S> for Terms {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameters = Parameters::from_request_parts(parts, state).await?;
        // Whoever is in between may have joined lines.
        let sent = texts(&parts.headers, "consistency-token").flat_map(|line| line.split(','));
        let sent = sent.filter(|token| !token.trim().is_empty());
        let tokens: Vec<_> = sent.chain(parameters.all("at_least")).map(Token::read).collect::<Result<_, _>>()?;
        if tokens.len() > MAX_TOKENS {
            return Err(bad_token());
        }
        let known = texts(&parts.headers, header::IF_NONE_MATCH.as_str()).flat_map(tags).collect();
        let listens = preferences(&parts.headers).any(|(name, _)| name.eq_ignore_ascii_case("feed-cursor"));
        Ok(Self { tokens, preferred_wait: preferred_wait(&parts.headers), listens, known })
    }
}

impl Terms {
    /// The same, and the answer must contain this much of a stream.
    pub(crate) fn and_at_least(mut self, stream: &StreamId, version: Version) -> Self {
        self.tokens.push(Token { stream: stream.clone(), version });
        self
    }

    /// How long the answer may wait for its tokens.
    pub(crate) fn wait(&self) -> Duration {
        Duration::from_secs(self.preferred_wait.unwrap_or(DEFAULT_WAIT))
    }

    /// What to answer in `Preference-Applied`, once the wait was granted.
    pub(crate) fn applied(&self) -> Option<String> {
        self.preferred_wait.map(|seconds| format!("wait={seconds}"))
    }

    /// Whether the caller already has the answer with this entity tag.
    pub(crate) fn knows(&self, tag: &str) -> bool {
        self.known.iter().any(|known| known == tag || known == "*")
    }
}

impl Token {
    fn read(text: &str) -> Result<Self, Problem> {
        let parsed = text.trim().split_once('@').and_then(|(stream, version)| {
            let number: u32 = version.parse().ok()?;
            let canonical = number > 0 && version == number.to_string();
            canonical.then_some(Self { stream: StreamId::parse(stream).ok()?, version: Version(number) })
        });
        parsed.ok_or_else(bad_token)
    }
}

fn bad_token() -> Problem {
    let detail = "Consistency-Token (or at_least) must be a token as a command answered it; send it unchanged";
    Problem::bad_request("bad_consistency_token", detail)
}

/// The values of a header that may be repeated, empty ones left out.
fn texts<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or("unreadable"));
    values.filter(|text| !text.trim().is_empty())
}

/// A list of entity tags; a weak one (as a compressing gateway makes of ours) counts as strong.
fn tags(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(str::trim).map(|tag| tag.strip_prefix("W/").unwrap_or(tag).to_owned())
}

/// `Prefer` of RFC 7240: names and values, parameters left off.
fn preferences(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let preferences = texts(headers, "prefer").flat_map(|list| list.split(','));
    preferences.filter_map(|preference| {
        let preference = preference.split(';').next()?;
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        Some((name.trim(), value.trim().trim_matches('"')))
    })
}

/// `wait=N`. A preference that is not understood is ignored, as the RFC wants.
fn preferred_wait(headers: &HeaderMap) -> Option<u64> {
    let waits = preferences(headers).filter(|(name, _)| name.eq_ignore_ascii_case("wait"));
    let mut seconds = waits.map(|(_, value)| value).filter(|value| is_number(value));
    seconds.next().map(|digits| digits.parse().unwrap_or(MAX_WAIT).min(MAX_WAIT))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use axum::extract::FromRequestParts;
    use axum::http::Request;
    use axum::http::request::Builder;
    use futures::executor::block_on;
    use proptest::prelude::*;
    use runtime::problem::Problem;

    use super::{MAX_TOKENS, MAX_WAIT, Terms};

    async fn asked(uri: &str, headers: &[(&str, &str)]) -> Result<Terms, Problem> {
        understood(request(uri, headers).unwrap()).await
    }

    fn request(uri: &str, headers: &[(&str, &str)]) -> Result<Request<()>, axum::http::Error> {
        let named = |request: Builder, (name, value): &(&str, &str)| request.header(*name, value.as_bytes());
        headers.iter().fold(Request::get(uri), named).body(())
    }

    async fn understood(request: Request<()>) -> Result<Terms, Problem> {
        Terms::from_request_parts(&mut request.into_parts().0, &()).await
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_understood_within_bounds_or_refused(
            query in "[ -~]{0,40}|at_least=[a-z]{0,4}_?[0-9]{0,4}@?[0-9]{0,12}",
            header in "[ -~\\x80-\\xff]{0,30}|ord_[0-9]{0,3}@[0-9]{0,12}",
            prefer in "[ -~]{0,30}|[Ww]ait ?=\"?[0-9]{0,30}\"?(;a=b)?(, ?feed-cursor)?",
            known in "[ -~]{0,30}|(W/)?\"[0-9-]{0,9}\",?",
        ) {
            let uri = format!("/?{}", query.replace([' ', '#', '<', '>', '"', '\\', '^', '`', '{', '|', '}'], "+"));
            let sent = [("consistency-token", &*header), ("prefer", &prefer), ("if-none-match", &known)];
            if let Ok(request) = request(&uri, &sent) {
                match block_on(understood(request)) {
                    Ok(terms) => {
                        prop_assert!(terms.tokens.len() <= MAX_TOKENS && terms.wait() <= Duration::from_secs(MAX_WAIT));
                        for token in terms.tokens {
                            let text = format!("{}@{}", token.stream, token.version);
                            let sent = header.split(',').any(|token| token.trim() == text);
                            prop_assert!(sent || query.contains(&text), "{text}");
                        }
                    }
                    Err(problem) => prop_assert_eq!(problem.status().as_u16(), 400),
                }
            }
        }
    }

    #[tokio::test]
    async fn a_token_comes_by_header_or_by_query_string_or_both() {
        let terms = asked("/?at_least=ord_2@7", &[("Consistency-Token", "ord_1@3")]).await.unwrap();
        let tokens: Vec<_> = terms.tokens.iter().map(|token| format!("{} {}", token.stream, token.version)).collect();
        assert_eq!(tokens, ["ord_1 3", "ord_2 7"]);
        for nothing in ["", " ", " , "] {
            assert_eq!(asked("/?at_least=", &[("Consistency-Token", nothing)]).await.unwrap().tokens, []);
        }
        let lines = asked("/", &[("Consistency-Token", "ord_1@3"), ("Consistency-Token", "ord_2@7")]).await.unwrap();
        assert_eq!(asked("/", &[("Consistency-Token", "ord_1@3, ord_2@7")]).await.unwrap(), lines);
    }

    #[tokio::test]
    async fn a_malformed_token_is_refused() {
        for wrong in [
            "ord_1",
            "ord_1@",
            "ord_1@0",
            "ord_1@-1",
            "ord_1@+1",
            "ord_1@01",
            "ord_1@x",
            "xyz_1@1",
            "ord_1@99999999999",
            "@1",
        ] {
            let problem = asked("/", &[("Consistency-Token", wrong)]).await.err();
            assert_eq!(problem.map(|problem| problem.code()), Some("bad_consistency_token"), "{wrong}");
        }
        let many = [("Consistency-Token", "ord_1@1"); 9];
        assert!(asked("/", &many).await.is_err());
        assert!(asked("/", &[("Consistency-Token", &["ord_1@1"; 9].join(","))]).await.is_err());
        assert!(asked("/", &[("Consistency-Token", "ord_1@1, ord_2")]).await.is_err());
    }

    #[tokio::test]
    async fn the_wait_is_one_second_unless_told_and_ten_at_most() {
        let waits = [
            ("", 1, None),
            ("wait=3", 3, Some("wait=3")),
            ("respond-async, WAIT = \"4\"; foo=bar", 4, Some("wait=4")),
            ("wait=0", 0, Some("wait=0")),
            ("wait=60", 10, Some("wait=10")),
            ("wait=99999999999999999999999", 10, Some("wait=10")),
            ("wait=soon", 1, None),
            ("wait=-1", 1, None),
            ("wait=", 1, None),
        ];
        for (prefer, seconds, applied) in waits {
            let terms = asked("/", &[("Prefer", prefer)]).await.unwrap();
            assert_eq!((terms.wait(), terms.applied().as_deref()), (Duration::from_secs(seconds), applied), "{prefer}");
        }
    }

    #[tokio::test]
    async fn one_may_ask_from_where_to_listen() {
        assert!(asked("/", &[("Prefer", "wait=3, Feed-Cursor")]).await.unwrap().listens);
        assert!(!asked("/", &[("Prefer", "wait=3")]).await.unwrap().listens);
    }

    #[tokio::test]
    async fn a_known_answer_is_recognised_in_a_list_and_when_weakened() {
        let terms = asked("/", &[("If-None-Match", "\"1\", W/\"2-5\"")]).await.unwrap();
        assert!(terms.knows("\"1\"") && terms.knows("\"2-5\"") && !terms.knows("\"2\""));
        assert!(asked("/", &[("If-None-Match", "*")]).await.unwrap().knows("\"9\""));
        assert!(!asked("/", &[]).await.unwrap().knows("\"9\""));
    }
}
