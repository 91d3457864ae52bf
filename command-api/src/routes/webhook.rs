//! What the payment provider tells us by itself.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use payments::webhook::{self, Notice};
use runtime::clock;
use runtime::http::WholeBody;
use runtime::problem::{Problem, ProblemBody};

use crate::app::App;

/// Takes the payment provider's word, which its signature proves, that something happened to a payment. What happened
/// is asked of the provider, so it is only known earlier, never otherwise. What does not concern us is answered alike.
#[utoipa::path(post, path = "/webhooks/payments", tag = "payments",
    request_body(content = String, content_type = "application/json", description = "An event, as Stripe sends it"),
    params(("Stripe-Signature" = String, Header, description = "`t=<seconds>,v1=<HMAC-SHA256>`")),
    responses((status = 200, description = "Heard"), (status = "4XX", body = ProblemBody),
        (status = 503, body = ProblemBody)))]
pub(super) async fn payments(
    State(app): State<App>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<StatusCode, Problem> {
    let signature = headers.get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let secret = app.webhook_secret.expose();
    webhook::verify(secret, signature, &body, clock::now_seconds())
        .map_err(|forged| Problem::unauthorized("invalid_signature", forged.to_string()))?;
    let notice = Notice::read(&body)
        .map_err(|error| Problem::bad_request("unreadable_notice", format!("not an event of the provider: {error}")))?;
    app.cashier.hear(&notice).await?;
    Ok(StatusCode::OK)
}
