//! What stands around every route. One middleware, so that a request passes it once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::guard::{Guard, Meter};
use super::{HttpLimits, REQUEST_SECONDS, RequestContext};
use crate::logs::Scope;
use crate::problem::Problem;
use crate::{Shutdown, clock};

/// The largest request body, in bytes: the seeds' 100 kB.
pub const BODY_LIMIT: usize = 100 * 1024;

/// How long a handler may take until its answer's head.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// The routes inside everything that all routes share: request id and trace context (kept or made, answered), 404 and
/// 405, the body limit, panics, the time-out, each as problem+json; `nosniff`; access log and metrics; the limits that
/// hold where none are set.
pub fn layered(router: Router) -> Router {
    guarded(router, &HttpLimits::default(), &Shutdown::default())
}

/// [`layered`] within these limits, until this shutdown.
pub(super) fn guarded(router: Router, limits: &HttpLimits, shutdown: &Shutdown) -> Router {
    let guard = Arc::new(Guard::new(limits, shutdown.clone()));
    router
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(guard, around))
}

async fn unknown_route(request: Request) -> Problem {
    let (method, path) = (request.method(), request.uri().path());
    Problem::not_found("route_not_found", format!("No route {method} {path}"))
        .with_message(format!("Route not found: {method} {path}"))
}

async fn wrong_method(request: Request) -> Problem {
    let detail = format!("{} is not allowed on {}", request.method(), request.uri().path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

/// 413, from whichever layer notices it.
pub(super) fn too_large() -> Problem {
    let detail = format!("The request body is larger than {BODY_LIMIT} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

async fn around(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let started = clock::monotonic();
    let mut context = RequestContext::of(request.headers());
    let meter = Meter::new(&guard);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let seen = Seen { method: &method, route: route.as_ref().map_or("none", MatchedPath::as_str) };
    let mut trace = context.begin(seen.method, seen.route);
    let context = Arc::new(context);
    request.extensions_mut().insert(Arc::clone(&context));
    request.extensions_mut().insert(meter.clone());
    let answered = async {
        let mut response = finish(answer(&meter, request, next).await, &context);
        meter.tell(response.headers_mut());
        if guard.is_ending() {
            // A socket's handshake says `upgrade` here.
            response.headers_mut().entry(header::CONNECTION).or_insert(HeaderValue::from_static("close"));
        }
        trace.set("http.response.status_code", || i64::from(response.status().as_u16()));
        if response.status().is_server_error() {
            trace.failed("the answer is a server error");
        }
        seen.record(response.status(), started.elapsed());
        response
    };
    Scope::current().request(Arc::clone(&context)).around(answered).await
}

/// The handler's answer, or the problem that stood in its way.
async fn answer(meter: &Meter, request: Request, next: Next) -> Response {
    let _place = match meter.enter(&request) {
        Ok(place) => place,
        Err(problem) => return problem.into_response(),
    };
    if declared_length(request.headers()).is_some_and(|length| length > BODY_LIMIT) {
        return too_large().into_response();
    }
    let handler = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(ANSWER_WITHIN, handler).await {
        Ok(Ok(response)) => response,
        // The panic hook has logged it.
        Ok(Err(_panic)) => Problem::internal().into_response(),
        Err(_elapsed) => {
            let detail = format!("No answer within {} s; try again", ANSWER_WITHIN.as_secs());
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail).retry_after(1).into_response()
        }
    }
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn finish(mut response: Response, context: &RequestContext) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let kept = std::mem::take(response.headers_mut());
        response = problem.render(Some(context.trace_id()));
        for (name, value) in kept.iter().filter(|(name, _)| **name != header::CONTENT_LENGTH) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        headers.insert("x-request-id", id);
    }
    response
}

/// What the access log and the metrics say of a request; never its query string.
struct Seen<'a> {
    method: &'a Method,
    route: &'a str,
}

impl Seen<'_> {
    fn record(&self, status: StatusCode, took: Duration) {
        let Self { method, route } = *self;
        let seconds = took.as_secs_f64();
        metrics::histogram!(
            REQUEST_SECONDS.name,
            "method" => known(method),
            "route" => route.to_owned(),
            "status" => status.as_str().to_owned(),
        )
        .record(seconds);
        let status = status.as_u16();
        tracing::info!(
            target: "access",
            { http.method = %method, http.route = route, http.status = status, http.seconds = seconds },
            "{method} {route} {status}"
        );
    }
}

/// The method, unless someone invents some: labels must not grow without bound.
fn known(method: &Method) -> &'static str {
    let methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    methods.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}
