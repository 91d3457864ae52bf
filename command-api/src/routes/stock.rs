//! Stock: receive pieces.

use axum::extract::State;
use domain::stock::{Pieces, StockCommand};
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

/// Pieces that come in.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiveStock {
    /// How many, above zero.
    quantity: i64,
    /// Why, up to 500 characters.
    reason: Option<String>,
}

/// Books pieces of a product in.
#[utoipa::path(post, path = "/commands/products/{sku}/stock", tag = "products", request_body = ReceiveStock,
    params(("sku" = String, Path, description = "The product")),
    responses((status = 200, body = ProductAnswer, description = "Booked in"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn receive(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(sku): Params<Sku>,
    JsonBody(body): JsonBody<ReceiveStock>,
) -> Result<Reply<ProductAnswer>, Problem> {
    let command = body.check(&sku)?;
    if !app.catalogue.lists(&sku).await? {
        return Err(refused(&Refusal::ProductNotFound));
    }
    let intent = app.intent(&caller, &format!("POST /commands/products/{sku}/stock"), &headers, &body);
    let done = app.stock.execute(sku.stock(), Creates::No, command, intent).await?;
    Ok(ProductAnswer::reply(done, sku, "Stock received"))
}

impl ReceiveStock {
    fn check(&self, sku: &Sku) -> Result<StockCommand, Problem> {
        let mut shape = Shape::default();
        let quantity = shape.take(&["quantity".into()], Pieces::new(self.quantity));
        let reason = shape.take(&["reason".into()], self.reason.as_deref().map(Reason::parse).transpose());
        let whole = quantity.zip(reason);
        shape.finish(whole.map(|(quantity, reason)| StockCommand::Receive { sku: sku.clone(), quantity, reason }))
    }
}
