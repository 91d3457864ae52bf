//! Answers: stored bytes put side by side, with the versions that they stand for.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use read_model::{Cursor, Document, feeds};
use runtime::problem::Problem;
use schemas::Version;
use views::Projection;

use crate::app::unreadable;
use crate::consistency::is_constrained;
use crate::terms::Terms;
use crate::{App, cursor};

/// Room for the headers of an answer, those that every answer is given in the end included: a map that grows is made anew.
const HEADERS: usize = 12;

const LAG: HeaderName = HeaderName::from_static("projection-lag-ms");
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const FEED_CURSOR: HeaderName = HeaderName::from_static("feed-cursor");

/// A view document that is there to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) version: Version,
    /// A JSON object, as the projector stored it.
    pub(crate) body: Vec<u8>,
}

impl Shown {
    /// Nothing to show where no document is, or where only a tombstone is left.
    pub(crate) fn of(document: Option<Document>) -> Option<Self> {
        let Document { version, body, .. } = document?;
        Some(Self { version, body: body? })
    }

    /// The same object with one more field, of this JSON, at its end.
    pub(crate) fn with_field(mut self, field: &str, json: &[u8]) -> Self {
        if self.body.pop_if(|last| *last == b'}').is_some() {
            let name = format!(",\"{field}\":");
            self.body.extend([name.as_bytes(), json, b"}"].concat());
        }
        self
    }
}

/// What a query answers, before the terms are looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    body: Vec<u8>,
    /// The entity tag, quotes included.
    tag: String,
    /// From where to listen for what comes after it.
    listening: Option<feeds::Cursor>,
}

impl Answer {
    /// A document as it is, with the versions of everything that was joined into it. They stand in the tag, for `If-Match`,
    /// and behind them a digest: two users have profiles of the same version, and a repair changes bytes but no version.
    pub(crate) fn plain(body: Vec<u8>, versions: &[Version]) -> Self {
        let versions: Vec<_> = versions.iter().map(Version::to_string).collect();
        let tag = format!("\"{}.{}\"", versions.join("-"), digest(&body));
        Self { body, tag, listening: None }
    }

    /// An answer whose tag is a digest of all of it, for what no version stands for.
    pub(crate) fn hashed(body: Vec<u8>) -> Self {
        let tag = format!("\"{}\"", digest(&body));
        Self { body, tag, listening: None }
    }

    /// `{"<name>": <document>}`.
    pub(crate) fn wrapped(name: &str, document: &[u8], versions: &[Version]) -> Self {
        let head = format!("{{\"{name}\":");
        Self::plain([head.as_bytes(), document, b"}"].concat(), versions)
    }

    /// With the place from where to listen, if that was asked and is known.
    pub(crate) fn listening_from(self, listening: Option<feeds::Cursor>) -> Self {
        Self { listening, ..self }
    }

    /// `{"count": …, "<name>": […], "cursor": …}`; the cursor is null on the last page.
    pub(crate) fn page(name: &str, page: Listed) -> Self {
        let Listed { documents, next } = page;
        let next = next.as_ref().map(cursor::written);
        let mut body = format!("{{\"count\":{},\"{name}\":[", documents.len()).into_bytes();
        body.extend(documents.join(&b','));
        body.extend(match next {
            Some(next) => format!("],\"cursor\":\"{next}\"}}").into_bytes(),
            None => b"],\"cursor\":null}".to_vec(),
        });
        Self::hashed(body)
    }
}

/// Tells answers apart, for entity tags. It may be another one after an update, and then costs a body that was known.
fn digest(body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The documents of one page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) documents: Vec<Vec<u8>>,
    pub(crate) next: Option<Cursor>,
}

impl App {
    /// Answers on the caller's terms with what came from these projections: 304 if the caller has it already.
    pub(crate) async fn answer(&self, over: &[Projection], answer: Answer, terms: &Terms) -> Result<Response, Problem> {
        let mut headers = HeaderMap::with_capacity(HEADERS);
        let mut applied = Vec::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.extend(HeaderValue::from_str(&answer.tag).ok().map(|tag| (ETAG, tag)));
        if is_constrained(over, terms) {
            applied.extend(terms.applied());
        } else {
            headers.extend(self.lag(over).await?.map(|lag| (LAG, HeaderValue::from(lag))));
        }
        if let Some(cursor) = answer.listening {
            applied.push("feed-cursor".to_owned());
            headers.extend(HeaderValue::try_from(cursor.to_string()).ok().map(|cursor| (FEED_CURSOR, cursor)));
        }
        if !applied.is_empty() {
            headers.extend(HeaderValue::try_from(applied.join(", ")).ok().map(|applied| (APPLIED, applied)));
        }
        if terms.knows(&answer.tag) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut response = Response::new(answer.body.into());
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// The lag of the projection that is furthest behind; unknown while one has not been at the end of its log.
    async fn lag(&self, over: &[Projection]) -> Result<Option<i64>, Problem> {
        let mut furthest = Some(0);
        for projection in over {
            let lag = self.reader.lag_ms(projection.name()).await.map_err(|error| unreadable(&error))?;
            furthest = furthest.zip(lag).map(|(furthest, lag)| furthest.max(lag));
        }
        Ok(furthest)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use schemas::StreamId;

    use super::{Answer, Cursor, Listed, Shown, Version};

    fn text(answer: &Answer) -> &str {
        std::str::from_utf8(&answer.body).unwrap()
    }

    fn listed(value: u32, next: Option<i64>) -> Listed {
        let next = next.map(|score| Cursor { score, stream: StreamId::parse("ord_1").unwrap() });
        Listed { documents: vec![format!("{{\"a\":{value}}}").into_bytes(), b"{}".to_vec()], next }
    }

    #[test]
    fn stored_bytes_are_sent_as_they_are() {
        assert_eq!(text(&Answer::wrapped("order", b"{\"a\": 1}", &[Version(3)])), "{\"order\":{\"a\": 1}}");
        assert_eq!(
            text(&Answer::page("orders", listed(1, None))),
            "{\"count\":2,\"orders\":[{\"a\":1},{}],\"cursor\":null}"
        );
        assert_eq!(text(&Answer::page("orders", Listed::default())), "{\"count\":0,\"orders\":[],\"cursor\":null}");
        let next = text(&Answer::page("orders", listed(1, Some(5)))).ends_with("],\"cursor\":\"NS5vcmRfMQ\"}");
        assert!(next);
    }

    #[test]
    fn the_tag_moves_with_every_version_and_every_byte() {
        let tag = |body: &[u8], versions: &[Version]| Answer::plain(body.to_vec(), versions).tag;
        assert!(tag(b"{}", &[Version(3)]).starts_with("\"3."));
        assert!(tag(b"{}", &[Version(3), Version::NONE]).starts_with("\"3-0."));
        assert_ne!(tag(b"{}", &[Version(3)]), tag(b"{}", &[Version(4)]));
        assert_ne!(tag(b"{}", &[Version(3)]), tag(b"[]", &[Version(3)]), "the same version of somebody else");
        let tag = |page| Answer::page("orders", page).tag;
        assert_eq!(tag(listed(1, None)), tag(listed(1, None)));
        assert_ne!(tag(listed(1, None)), tag(listed(2, None)));
        assert_ne!(tag(listed(1, None)), tag(listed(1, Some(5))));
    }

    #[test]
    fn a_joined_field_stands_at_the_objects_end() {
        let shown = Shown { version: Version(1), body: b"{\"sku\":\"a\"}".to_vec() };
        assert_eq!(shown.with_field("available", b"7").body, b"{\"sku\":\"a\",\"available\":7}");
    }
}
