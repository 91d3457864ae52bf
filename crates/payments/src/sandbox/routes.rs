//! The sandbox's routes: Stripe's, and the ledger for tests.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use runtime::clock;
use serde_json::Value;

use super::Sandbox;
use super::book::{Act, Answer};
use super::entry::{Form, field};
use super::script::{self, Pace};

/// How long an answer that comes too late is held back, at most: until the caller has gone.
const TOO_LATE: std::time::Duration = std::time::Duration::from_secs(25);

/// The routes.
pub fn router(sandbox: Sandbox) -> Router {
    Router::new()
        .route("/v1/payment_intents", post(create))
        .route("/v1/payment_intents/{id}", get(retrieve))
        .route("/v1/payment_intents/{id}/capture", post(capture))
        .route("/v1/payment_intents/{id}/cancel", post(cancel))
        .route("/v1/refunds", post(refund))
        .route("/v1/refunds/{id}", get(retrieve_refund))
        .route("/sandbox/ledger", get(ledger))
        .with_state(sandbox)
}

async fn create(State(sandbox): State<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    let form = form(&body);
    let (_, pace) = script::of(&field(&form, "payment_method"));
    if pace == Pace::Down && sandbox.is_down_for(&headers) {
        return shown(Answer::error(503, "api_error", "The provider is down, as scripted."));
    }
    let answer = sandbox.act(&headers, Act::Create, &form);
    if answer.status == 200 && !answer.replayed {
        sandbox.hold_back(pace).await;
    }
    shown(answer)
}

async fn capture(State(sandbox): State<Sandbox>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    shown(sandbox.act(&headers, Act::Capture(&id), &form(&body)))
}

async fn cancel(State(sandbox): State<Sandbox>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    shown(sandbox.act(&headers, Act::Cancel(&id), &form(&body)))
}

async fn refund(State(sandbox): State<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    shown(sandbox.act(&headers, Act::Refund, &form(&body)))
}

async fn retrieve(State(sandbox): State<Sandbox>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    shown(sandbox.admit(&headers).err().unwrap_or_else(|| sandbox.book().intent(&id)))
}

async fn retrieve_refund(State(sandbox): State<Sandbox>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    shown(sandbox.admit(&headers).err().unwrap_or_else(|| sandbox.book().refund_shown(&id)))
}

async fn ledger(State(sandbox): State<Sandbox>) -> axum::Json<Value> {
    axum::Json(sandbox.book().ledger())
}

impl Sandbox {
    /// Does what is asked under the request's key, or says why not.
    fn act(&self, headers: &HeaderMap, act: Act<'_>, form: &Form) -> Answer {
        if let Err(refused) = self.admit(headers) {
            return refused;
        }
        let Some(key) = text(headers, "idempotency-key") else {
            let message = "This sandbox takes no request without an Idempotency-Key.";
            return Answer::error(400, "invalid_request_error", message);
        };
        self.book().act(key, act, form).unwrap_or_else(|failed| {
            tracing::error!(error = runtime::chain(&failed), "the ledger cannot be written");
            Answer::error(500, "api_error", "The ledger cannot be written.")
        })
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), Answer> {
        let expected = format!("Bearer {}", self.key.expose());
        if text(headers, header::AUTHORIZATION.as_str()) == Some(expected.as_str()) {
            return Ok(());
        }
        Err(Answer::error(401, "invalid_request_error", "Invalid API Key provided"))
    }

    /// Whether the outage scripted for this request still lasts; it begins when its key is first seen.
    fn is_down_for(&self, headers: &HeaderMap) -> bool {
        let key = text(headers, "idempotency-key").unwrap_or_default().to_owned();
        let mut outages = self.outages();
        let since = *outages.entry(key).or_insert_with(clock::monotonic);
        since.elapsed() < self.delay
    }

    /// Waits as long as the script says.
    async fn hold_back(&self, pace: Pace) {
        let held = match pace {
            Pace::AtOnce | Pace::Down => return,
            Pace::Slow => self.delay,
            Pace::TooLate => TOO_LATE,
        };
        tokio::select! {
            () = tokio::time::sleep(held) => {}
            () = self.shutdown.requested() => {}
        }
    }
}

fn form(body: &[u8]) -> Form {
    form_urlencoded::parse(body).into_owned().collect()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn shown(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(answer.body)).into_response()
}
