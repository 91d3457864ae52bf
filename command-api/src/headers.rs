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
        let key = idempotency_key(&parts.headers)?;
        let (expected, joined) = if_match(&parts.headers)?.map_or((None, None), |(main, joined)| (Some(main), joined));
        Ok(Self { key, expected, joined, context })
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

/// The version that the client expects: `"3"`, or 3 without quotes, or `"3-1.5d41402abc4b2a76"` as a query answered that
/// joins something; the digest behind the dot tells answers apart, not states, and does not count.
fn if_match(headers: &HeaderMap) -> Result<Option<(Version, Option<Version>)>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    value.to_str().ok().and_then(versions_of).map(Some).ok_or_else(|| {
        Problem::bad_request("bad_if_match", "If-Match must be one version as answered in ETag, such as \"3\"")
    })
}

/// The version that an entity tag of ours names, with or without its quotes, and that of what is joined to it, which stands
/// behind the main one's.
fn versions_of(tag: &str) -> Option<(Version, Option<Version>)> {
    let tag = tag.trim();
    let tag = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag);
    let versions = match tag.split_once('.') {
        Some((versions, digest)) => is_digest(digest).then_some(versions)?,
        None => tag,
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| text.parse().ok().filter(|_| digits(text)).map(Version);
    let mut numbers = versions.split('-').map(number).collect::<Option<Vec<_>>>()?.into_iter();
    Some((numbers.next()?, numbers.next()))
}

/// What stands behind the versions in a query's entity tag.
fn is_digest(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_counts_as_a_key_is_the_text_that_came(bytes in any::<Vec<u8>>(), text in "[ -~]{0,300}") {
            for bytes in [bytes, text.into_bytes()] {
                let Ok(value) = HeaderValue::from_bytes(&bytes) else { continue };
                let name = axum::http::HeaderName::from_static("idempotency-key");
                match idempotency_key(&HeaderMap::from_iter([(name, value)])) {
                    Ok(Some(key)) => prop_assert!(key.as_bytes() == bytes && (1..=MAX_KEY).contains(&key.len())),
                    Ok(None) => prop_assert!(bytes.is_empty()),
                    Err(problem) => prop_assert_eq!(problem.code(), "bad_idempotency_key"),
                }
            }
        }

        #[test]
        fn whatever_counts_as_a_version_is_a_tag_as_we_write_them(
            text in prop_oneof!["[ -~]{0,20}", "[\"0-9W/ +*,-]{0,12}"],
            version in any::<u32>(),
            other in any::<u32>(),
            digest in any::<u64>(),
        ) {
            if let Some((read, _)) = versions_of(&text) {
                let tag = text.trim().trim_matches('"');
                let first = tag.split('-').next().unwrap_or_default();
                prop_assert_eq!(first.parse().ok(), Some(read.0));
                prop_assert!(tag.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'), "{}", text);
            }
            for tag in [format!("{version}"), format!("\"{version}\"")] {
                prop_assert_eq!(versions_of(&tag), Some((Version(version), None)));
            }
            let both = format!("\"{version}-{other}\"");
            prop_assert_eq!(versions_of(&both), Some((Version(version), Some(Version(other)))));
            let answered = format!("\"{version}.{digest:016x}\"");
            prop_assert_eq!(versions_of(&answered), Some((Version(version), None)));
        }
    }

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
        assert_eq!(if_match(&with("if-match", "\"3\"")).ok(), Some(Some((Version(3), None))));
        assert_eq!(if_match(&with("if-match", "3")).ok(), Some(Some((Version(3), None))));
        assert_eq!(if_match(&with("if-match", "\"3-1\"")).ok(), Some(Some((Version(3), Some(Version(1))))));
        for bad in [
            "\"3.\"",
            "\"3.5d41402abc4b2a7g\"",
            "\".5d41402abc4b2a76\"",
            "\"x\"",
            "*",
            "W/\"3\"",
            "-1",
            "+1",
            "3-x",
            "\"\"3",
            "\"1\", \"2\"",
            "99999999999",
        ] {
            assert!(if_match(&with("if-match", bad)).is_err(), "{bad}");
        }
    }
}
