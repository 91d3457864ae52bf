//! Fulfilments, for operators: let one go on, take back what it did, or end it.

use axum::extract::State;
use domain::Reason;
use domain::fulfilment::{Ask, Operator};
use runtime::http::{JsonBody, Params};
use runtime::problem::{Problem, ProblemBody};
use schemas::OrderId;
use serde::{Deserialize, Serialize};
use sessions::{AdminCaller, Caller};
use utoipa::ToSchema;

use crate::app::App;
use crate::intent::CommandHeaders;
use crate::reply::{Reply, consistency_token};
use crate::shape::Shape;
use crate::streams::Creates;

/// Why an operator intervenes.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Intervene {
    /// In the operator's words, up to 500 characters.
    reason: String,
}

/// Which fulfilment was changed, and how to read it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentAnswer {
    /// For people.
    message: &'static str,
    /// The order.
    order_id: String,
    /// The fulfilment's version after this command.
    version: u32,
    /// Sent along with a query, makes it wait for this change.
    consistency_token: String,
}

/// Lets a failed fulfilment ask once more for whatever could not be done.
#[utoipa::path(post, path = "/ops/fulfilment/{order}/retry", tag = "operators", request_body = Intervene,
    params(("order" = String, Path, description = "The order")),
    responses((status = 200, body = FulfilmentAnswer, description = "It goes on"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn retry(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(order): Params<OrderId>,
    JsonBody(body): JsonBody<Intervene>,
) -> Result<Reply<FulfilmentAnswer>, Problem> {
    let ask = Ask::Retry(body.check(&caller)?);
    app.intervene((&order, "retry"), (&caller, &headers), ask, &body).await
}

/// Lets a fulfilment take back what it did: money is let go or given back, pieces are released, the order is called off.
#[utoipa::path(post, path = "/ops/fulfilment/{order}/compensate", tag = "operators", request_body = Intervene,
    params(("order" = String, Path, description = "The order")),
    responses((status = 200, body = FulfilmentAnswer, description = "It takes back what it did"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn compensate(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(order): Params<OrderId>,
    JsonBody(body): JsonBody<Intervene>,
) -> Result<Reply<FulfilmentAnswer>, Problem> {
    let ask = Ask::Compensate(body.check(&caller)?);
    app.intervene((&order, "compensate"), (&caller, &headers), ask, &body).await
}

/// Ends a fulfilment as it stands that failed or takes back what it did; whatever is left to do is the operator's.
#[utoipa::path(post, path = "/ops/fulfilment/{order}/abort", tag = "operators", request_body = Intervene,
    params(("order" = String, Path, description = "The order")),
    responses((status = 200, body = FulfilmentAnswer, description = "It has ended"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn abort(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(order): Params<OrderId>,
    JsonBody(body): JsonBody<Intervene>,
) -> Result<Reply<FulfilmentAnswer>, Problem> {
    let ask = Ask::Abort(body.check(&caller)?);
    app.intervene((&order, "abort"), (&caller, &headers), ask, &body).await
}

impl App {
    async fn intervene(
        &self,
        (order, what): (&OrderId, &'static str),
        (caller, headers): (&Caller, &CommandHeaders),
        ask: Ask,
        body: &Intervene,
    ) -> Result<Reply<FulfilmentAnswer>, Problem> {
        let intent = self.intent(caller, &format!("POST /ops/fulfilment/{order}/{what}"), headers, body);
        let stream = order.fulfilment().stream().clone();
        let command = self.fulfilments.command(ask);
        let done = self.fulfilments.streams.fulfilments.execute(stream, Creates::No, command, intent).await?;
        let (version, consistency_token) = (done.version.0, consistency_token(&done));
        let answer = FulfilmentAnswer { message: "Done", order_id: order.to_string(), version, consistency_token };
        Ok(Reply::done(done, "/ops/fulfilment".to_owned(), answer))
    }
}

impl Intervene {
    fn check(&self, caller: &Caller) -> Result<Operator, Problem> {
        let mut shape = Shape::default();
        let reason = shape.take(&["reason".into()], Reason::parse(&self.reason));
        shape.finish(reason.map(|reason| Operator { user: caller.user.clone(), reason }))
    }
}
