//! Who asks for what belongs together: the request id and the trace context.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method};
use uuid::Uuid;

use crate::trace::{self, Kind, Span};

const REQUEST_ID: &str = "x-request-id";
const LONGEST_REQUEST_ID: usize = 128;

/// The request's identity; an extractor. The request id is the correlation id of everything that follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    /// `X-Request-Id` as it came, if it is 1 to 128 of `[A-Za-z0-9._:-]`, else a new one.
    pub request_id: String,
    /// The W3C trace context as it came, if it is valid, else a new one; where traces are exported, with our own decision
    /// whether this one is recorded, and then below our own span.
    pub traceparent: String,
}

impl RequestContext {
    /// Reads the context from a request's headers and makes what is missing.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        let request_id = text(REQUEST_ID).filter(|id| is_request_id(id)).map(str::to_owned);
        let traceparent = text("traceparent").filter(|trace| is_traceparent(trace)).map(str::to_owned);
        Self {
            request_id: request_id.unwrap_or_else(|| Uuid::now_v7().to_string()),
            traceparent: trace::decide(traceparent.unwrap_or_else(new_traceparent)),
        }
    }

    /// Begins the span of this request. What follows from the request is below it.
    pub(super) fn begin(&mut self, method: &Method, route: &str) -> Span {
        let mut span = Span::named(Some(&self.traceparent), Kind::Server, || format!("{method} {route}").into());
        span.set("http.request.method", || method.to_string());
        span.set("http.route", || route.to_owned());
        span.set("request.id", || self.request_id.clone());
        if let Some(own) = span.traceparent() {
            self.traceparent = own;
        }
        span
    }

    /// The trace id within the trace context: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.traceparent.get(3..35).unwrap_or_default()
    }
}

fn is_request_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    !text.is_empty() && text.len() <= LONGEST_REQUEST_ID && text.bytes().all(allowed)
}

/// Version 00 of <https://www.w3.org/TR/trace-context/#traceparent-header>.
fn is_traceparent(text: &str) -> bool {
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let some = |part: &str| part.bytes().any(|byte| byte != b'0');
    let parts: Vec<_> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else { return false };
    let lengths = trace.len() == 32 && parent.len() == 16 && flags.len() == 2;
    *version == "00" && lengths && parts.iter().all(|part| hex(part)) && some(trace) && some(parent)
}

fn new_traceparent() -> String {
    let trace = rand::random_range(1..=u128::MAX);
    let parent = rand::random_range(1..=u64::MAX);
    format!("00-{trace:032x}-{parent:016x}-01")
}

impl<S: Send + Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let known = parts.extensions.get::<Arc<Self>>();
        Ok(known.map_or_else(|| Self::of(&parts.headers), |known| Self::clone(known)))
    }
}
