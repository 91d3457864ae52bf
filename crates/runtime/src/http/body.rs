//! Request bodies, read to their end within a time; JSON strictly, with a path to what is wrong.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};
use tokio::time::timeout;

use super::layers::too_large;
use crate::problem::{PathPart, Problem, VALIDATION_FAILED};

/// How long a body may take to arrive. The gateway passes bodies on in one go.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The request's body as it came. Otherwise: 400 if it ended early, 408 if it did not arrive in time, 413 for too much of
/// it.
#[derive(Debug, Clone, Default)]
pub struct WholeBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for WholeBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let Ok(read) = timeout(BODY_WITHIN, Bytes::from_request(request, state)).await else {
            let detail = "The request did not arrive in time; send it again";
            return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail).retry_after(1));
        };
        let unread = |rejection: BytesRejection| {
            if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
                return too_large();
            }
            Problem::bad_request("body_unreadable", "The request body ended before it was complete")
        };
        read.map(Self).map_err(unread)
    }
}

/// A JSON object as the request's body. Otherwise: 400 without a body, for malformed JSON, for anything but an object
/// and for wrong types (with `issues`); 415 for another content type; 413 for too much of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let body = <Self as OptionalFromRequest<S>>::from_request(request, state).await?;
        // In the seeds' words: a body that is left out was a mistake like any other to them.
        body.ok_or_else(|| {
            Problem::bad_request("body_required", "A request body is required")
                .with_message(VALIDATION_FAILED)
                .with_issue(Vec::new(), "required", "Required")
        })
    }
}

/// A body that may be left out: `None` where nothing was sent. The rest as above.
impl<S: Send + Sync, T: DeserializeOwned> OptionalFromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Self::Rejection> {
        let json = is_json(request.headers());
        let WholeBody(bytes) = WholeBody::from_request(request, state).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if !json {
            let detail = "The request body must be sent with content-type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        parse(&bytes).map(|body| Some(Self(body)))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        // Either not JSON at all, or JSON that is not an object.
        return Err(match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Ok(_) => Problem::validation().with_issue(Vec::new(), "invalid_type", "Expected an object"),
            Err(error) => malformed(&error),
        });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let (path, error) = (error.path().clone(), error.into_inner());
        match error.classify() {
            Category::Data => mistake(&path, &error.to_string()),
            Category::Syntax | Category::Eof | Category::Io => malformed(&error),
        }
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::bad_request("malformed_json", format!("The request body is not valid JSON: {error}"))
}

/// A problem with one issue, made from what serde says and where it was.
pub(super) fn mistake(path: &Path, text: &str) -> Problem {
    let mut path: Vec<PathPart> = path.iter().filter_map(part).collect();
    // serde_json appends the place in the text, which the path says better.
    let text = text.split(" at line ").next().unwrap_or(text);
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    if let Some(field) = missing {
        path.push(field.into());
        return Problem::validation().with_issue(path, "required", "Required");
    }
    let code = match text {
        _ if text.starts_with("invalid type") => "invalid_type",
        _ if text.starts_with("unknown field") => "unrecognized_keys",
        _ => "invalid_value",
    };
    Problem::validation().with_issue(path, code, text)
}

fn part(segment: &Segment) -> Option<PathPart> {
    match segment {
        Segment::Seq { index } => Some(PathPart::Index(*index)),
        Segment::Map { key } => Some(PathPart::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}
