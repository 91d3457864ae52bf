//! Stock: receive pieces, correct their number.

use axum::extract::State;
use domain::stock::{Delta, Pieces, StockCommand};
use domain::{Reason, Refusal};
use runtime::http::{JsonBody, Params};
use runtime::problem::{Problem, ProblemBody};
use schemas::Sku;
use serde::{Deserialize, Serialize};
use sessions::AdminCaller;
use utoipa::ToSchema;

use super::product::ProductAnswer;
use crate::app::App;
use crate::intent::CommandHeaders;
use crate::refusal::refused;
use crate::reply::Reply;
use crate::shape::Shape;
use crate::streams::Creates;

/// Pieces that come in, or are not there any more.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BookStock {
    /// How many came in; below zero: how many fewer there are than was thought.
    quantity: i64,
    /// Why, up to 500 characters.
    reason: Option<String>,
}

/// Books pieces of a product in, or corrects their number downwards. What is held for orders cannot be booked out.
#[utoipa::path(post, path = "/commands/products/{sku}/stock", tag = "products", request_body = BookStock,
    params(("sku" = String, Path, description = "The product")),
    responses((status = 200, body = ProductAnswer, description = "Booked"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn book(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(sku): Params<Sku>,
    JsonBody(body): JsonBody<BookStock>,
) -> Result<Reply<ProductAnswer>, Problem> {
    let command = body.check(&sku)?;
    if !app.catalogue.lists(&sku).await? {
        return Err(refused(&Refusal::ProductNotFound));
    }
    // The answer about a product joins its stock.
    let headers = CommandHeaders { expected: headers.joined.or(headers.expected), ..headers };
    let intent = app.intent(&caller, &format!("POST /commands/products/{sku}/stock"), &headers, &body);
    let done = app.stock.execute(sku.stock(), Creates::No, command, intent).await?;
    Ok(ProductAnswer::reply(done, sku, "Stock booked").of_what_is_joined())
}

impl BookStock {
    fn check(&self, sku: &Sku) -> Result<StockCommand, Problem> {
        let mut shape = Shape::default();
        let reason = shape.take(&["reason".into()], self.reason.as_deref().map(Reason::parse).transpose());
        let sku = sku.clone();
        let command = if self.quantity < 0 {
            let delta = shape.take(&["quantity".into()], Delta::new(self.quantity));
            delta.zip(reason).map(|(delta, reason)| StockCommand::Adjust { sku, delta, reason })
        } else {
            let quantity = shape.take(&["quantity".into()], Pieces::new(self.quantity));
            quantity.zip(reason).map(|(quantity, reason)| StockCommand::Receive { sku, quantity, reason })
        };
        shape.finish(command)
    }
}
