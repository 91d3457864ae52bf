//! Reads the headers that every command may carry.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use runtime::http::RequestContext;
use runtime::problem::Problem;
use schemas::Version;

use crate::intent::CommandHeaders;

/// The longest Idempotency-Key, in characters.
const MAX_KEY: usize = 255;

impl<S: Send + Sync> FromRequestParts<S> for CommandHeaders {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let context = RequestContext::from_request_parts(parts, state).await.unwrap_or_else(|never| match never {});
        Ok(Self { key: idempotency_key(&parts.headers)?, expected: if_match(&parts.headers)?, context })
    }
}

/// The key that the client gave, if any; an empty one counts as none.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok("") => Ok(None),
        Ok(key) if key.len() <= MAX_KEY => Ok(Some(key.to_owned())),
        Ok(_) | Err(_) => Err(Problem::bad_request(
            "bad_idempotency_key",
            "Idempotency-Key must be 1 to 255 printable ASCII characters; send a shorter one",
        )),
    }
}

/// The version that the client expects: `"3"`, or 3 without quotes, or `"3-1"` as a query answered.
fn if_match(headers: &HeaderMap) -> Result<Option<Version>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let tag = value.to_str().ok().map(|text| text.trim().trim_matches('"'));
    // The tag of an answer that joins documents goes on with the others' versions behind the main one's.
    let version = tag.and_then(|tag| tag.split('-').next()).and_then(|text| text.parse().ok());
    version.map(|version| Some(Version(version))).ok_or_else(|| {
        Problem::bad_request("bad_if_match", "If-Match must be one version as answered in ETag, such as \"3\"")
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            axum::http::HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("?")),
        )])
    }

    #[test]
    fn an_empty_key_counts_as_none_and_one_too_long_is_refused() {
        assert_eq!(idempotency_key(&HeaderMap::new()).ok(), Some(None));
        assert_eq!(idempotency_key(&with("idempotency-key", "")).ok(), Some(None));
        assert_eq!(idempotency_key(&with("idempotency-key", "k")).ok(), Some(Some("k".to_owned())));
        assert!(idempotency_key(&with("idempotency-key", &"k".repeat(255))).is_ok());
        assert!(idempotency_key(&with("idempotency-key", &"k".repeat(256))).is_err());
    }

    #[test]
    fn if_match_takes_one_version_with_or_without_quotes() {
        assert_eq!(if_match(&HeaderMap::new()).ok(), Some(None));
        assert_eq!(if_match(&with("if-match", "\"3\"")).ok(), Some(Some(Version(3))));
        assert_eq!(if_match(&with("if-match", "3")).ok(), Some(Some(Version(3))));
        assert_eq!(if_match(&with("if-match", "\"3-1\"")).ok(), Some(Some(Version(3))));
        for bad in ["\"x\"", "*", "W/\"3\"", "-1", "\"1\", \"2\"", "99999999999"] {
            assert!(if_match(&with("if-match", bad)).is_err(), "{bad}");
        }
    }
}
