//! Errors as HTTP answers: RFC 9457 `application/problem+json` that also carries `success: false` and `message`.
//!
//! Every `code` is stable and has a page under `/docs/problems#<code>`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What the seeds' clients look for in the answer to a request that makes no sense.
pub const VALIDATION_FAILED: &str = "Validation failed";

/// An answer that says no. Cheap to move; rendered with the trace id by the HTTP layers.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    detail: String,
    message: Option<String>,
    issues: Vec<Issue>,
    retry_after: Option<u32>,
    fields: Map<String, Value>,
}

/// One thing that is wrong with a request's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Issue {
    /// Where: `["items", 0, "qty"]`; empty for the whole.
    pub path: Vec<PathPart>,
    /// What is wrong, for programs; stable: `required`, `invalid_type`, `unrecognized_keys`, `invalid_value`, or for values
    /// of one kind a code of their own, such as `invalid_price`.
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: String,
}

/// One step of an issue's path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PathPart {
    /// A field's name.
    Key(String),
    /// A place in a list, from 0.
    Index(usize),
}

impl From<&str> for PathPart {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for PathPart {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// The body of every error.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A page about this kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, and what to do.
    pub detail: String,
    /// The kind of problem, for programs; stable.
    pub code: &'static str,
    /// Always false.
    pub success: bool,
    /// The same as `detail`, or the words that older clients look for.
    pub message: String,
    /// Finds this request in logs and traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// What is wrong with the request's shape.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<Issue>,
    /// Fields of this kind of problem only.
    #[serde(flatten)]
    #[schema(ignore)]
    pub fields: Map<String, Value>,
}

impl Problem {
    /// A problem of this kind. `detail` is for people: what happened, and what to do.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let (message, issues, retry_after, fields) = (None, Vec::new(), None, Map::new());
        Self(Box::new(Inner { status, code, detail, message, issues, retry_after, fields }))
    }

    /// 400 with the seeds' message; say what is wrong by [`Self::with_issue`].
    #[must_use]
    pub fn validation() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "validation_failed", VALIDATION_FAILED)
    }

    /// 400.
    #[must_use]
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401.
    #[must_use]
    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    /// 403.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404.
    #[must_use]
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 409.
    #[must_use]
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 503: `what` is away; try again after so many seconds.
    #[must_use]
    pub fn unavailable(what: &str, retry_after: u32) -> Self {
        let detail = format!("{what} is unavailable; try again in {retry_after} s");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(retry_after)
    }

    /// 500: a defect of ours; the details are in the log.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "Something went wrong on our side; the trace id finds it in the log";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", detail)
    }

    /// Adds one thing that is wrong with the request's shape.
    #[must_use]
    pub fn with_issue(mut self, path: Vec<PathPart>, code: &'static str, message: impl Into<String>) -> Self {
        self.0.issues.push(Issue { path, code, message: message.into() });
        self
    }

    /// Says when to try again, in seconds; the problem counts as retryable.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Adds a field that only this kind of problem has.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.fields.insert(name.to_owned(), value.into());
        self
    }

    /// Sets the words that the seeds' clients look for, where they differ from `detail`.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = Some(message.into());
        self
    }

    /// Its HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The body as it is sent.
    #[must_use]
    pub fn body(&self, trace_id: Option<&str>) -> ProblemBody {
        let Inner { status, code, detail, message, issues, retry_after, fields } = &*self.0;
        ProblemBody {
            kind: format!("/docs/problems#{code}"),
            title: title(code),
            status: status.as_u16(),
            detail: detail.clone(),
            code,
            success: false,
            message: message.as_ref().unwrap_or(detail).clone(),
            trace_id: trace_id.map(str::to_owned),
            retryable: retry_after.is_some() || *status == StatusCode::SERVICE_UNAVAILABLE,
            issues: issues.clone(),
            fields: fields.clone(),
        }
    }

    /// The whole answer, with the trace id if it is known.
    pub(crate) fn render(&self, trace_id: Option<&str>) -> Response {
        // A body of strings and numbers always serializes; should it not, the status still says it.
        let body = serde_json::to_vec(&self.body(trace_id)).unwrap_or_default();
        let mut response = (self.0.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// `price_changed` -> `Price changed`.
fn title(code: &str) -> String {
    let words = code.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

impl IntoResponse for Problem {
    /// The answer carries the problem itself as an extension, so that the layers can render it with the trace id.
    fn into_response(self) -> Response {
        let mut response = self.render(None);
        response.extensions_mut().insert(self);
        response
    }
}
