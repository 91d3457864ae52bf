//! Payments: give money back.

use axum::extract::State;
use domain::fulfilment::REFUNDS;
use domain::payment::PaymentCommand;
use runtime::http::{JsonBody, Params};
use runtime::problem::{Problem, ProblemBody};
use schemas::{PaymentId, RefundId};
use serde::{Deserialize, Serialize};
use sessions::AdminCaller;
use utoipa::ToSchema;

use crate::app::App;
use crate::intent::CommandHeaders;
use crate::reply::{Reply, consistency_token};
use crate::shape::{Mistake, Shape};
use crate::streams::Creates;

/// What is given back.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RefundPayment {
    /// Names the refund within its payment, 1 to 64 of `[A-Za-z0-9_-]`, not beginning with
    /// `fulfilment-`: the same one again gives nothing more.
    refund_id: String,
    /// Minor units, above zero; all that is left if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
}

/// Which payment was changed, and how to read it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentAnswer {
    /// For people.
    message: &'static str,
    /// The payment.
    payment_id: String,
    /// Its version after this command.
    version: u32,
    /// Sent along with a query, makes it wait for this change.
    consistency_token: String,
}

/// Gives money back that was taken. The provider does it soon after; the payment's `refunds` show when.
#[utoipa::path(post, path = "/commands/payments/{id}/refund", tag = "payments", request_body = RefundPayment,
    params(("id" = String, Path, description = "The payment")),
    responses((status = 200, body = PaymentAnswer, description = "Requested, or requested before"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn refund(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(id): Params<PaymentId>,
    JsonBody(body): JsonBody<RefundPayment>,
) -> Result<Reply<PaymentAnswer>, Problem> {
    let command = body.check()?;
    let intent = app.intent(&caller, &format!("POST /commands/payments/{id}/refund"), &headers, &body);
    let done = app.payments.execute(id.stream().clone(), Creates::No, command, intent).await?;
    let (payment_id, version) = (id.to_string(), done.version.0);
    let consistency_token = consistency_token(&done);
    let answer = PaymentAnswer { message: "Refund requested", payment_id, version, consistency_token };
    Ok(Reply::done(done, format!("/queries/payments/{id}"), answer))
}

impl RefundPayment {
    fn check(&self) -> Result<PaymentCommand, Problem> {
        let mut shape = Shape::default();
        let path = ["refundId".into()];
        let refund = shape.take(&path, RefundId::parse(&self.refund_id));
        let refund = refund.and_then(|refund| shape.take(&path, of_people(refund)));
        let amount = shape.take(&["amount".into()], self.amount.map(above_zero).transpose());
        let whole = refund.zip(amount);
        shape.finish(whole.map(|(refund, amount)| PaymentCommand::RequestRefund { refund, amount }))
    }
}

/// A name by which fulfilments give money back: a refund of that name would be taken for theirs.
#[derive(Debug, thiserror::Error)]
#[error("what begins with {REFUNDS} names refunds of fulfilments; choose another name")]
struct Reserved;

impl Mistake for Reserved {
    fn code(&self) -> &'static str {
        "reserved_id"
    }
}

/// That much nobody can be given.
#[derive(Debug, thiserror::Error)]
#[error("an amount above zero is expected; leave it out for all that is left")]
struct Nothing;

impl Mistake for Nothing {
    fn code(&self) -> &'static str {
        "invalid_amount"
    }
}

fn above_zero(amount: i64) -> Result<i64, Nothing> {
    if amount > 0 { Ok(amount) } else { Err(Nothing) }
}

fn of_people(refund: RefundId) -> Result<RefundId, Reserved> {
    if refund.as_str().starts_with(REFUNDS) { Err(Reserved) } else { Ok(refund) }
}
