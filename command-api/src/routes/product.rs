//! Products: register, change the price, rename, discontinue.

use axum::extract::State;
use domain::product::{Price, ProductCommand, ProductName};
use runtime::http::{JsonBody, Params};
use runtime::problem::{PathPart, Problem, ProblemBody};
use schemas::{Currency, Money, Sku};
use serde::{Deserialize, Serialize};
use sessions::AdminCaller;
use utoipa::ToSchema;

use crate::app::App;
use crate::intent::CommandHeaders;
use crate::reply::Reply;
use crate::shape::Shape;
use crate::streams::{Creates, Done};

/// A product that enters the catalogue.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterProduct {
    /// 1 to 64 of `[A-Za-z0-9_-]`; cannot be changed later.
    sku: String,
    /// Up to 200 characters.
    name: String,
    /// What one piece costs.
    price: PriceBody,
}

/// An amount of money.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceBody {
    /// Minor units, above zero.
    amount: i64,
    /// ISO 4217 code.
    currency: String,
}

/// What a product is called from now on.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RenameProduct {
    /// Up to 200 characters.
    name: String,
}

/// Nothing needs to be said.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DiscontinueProduct {}

/// Which product was changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProductAnswer {
    /// The product.
    #[schema(value_type = String)]
    sku: Sku,
    /// The version, after this command, of what was changed.
    version: u32,
    /// For people.
    message: &'static str,
}

impl ProductAnswer {
    pub(super) fn reply(done: Done, sku: Sku, message: &'static str) -> Reply<Self> {
        let body = Self { version: done.version.0, sku: sku.clone(), message };
        Reply::done(done, location(&sku), body)
    }
}

/// Registers a product.
#[utoipa::path(post, path = "/commands/products", tag = "products", request_body = RegisterProduct,
    responses((status = 201, body = ProductAnswer, description = "Registered"),
        (status = 200, body = ProductAnswer, description = "Registered before, with the same Idempotency-Key"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn register(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    JsonBody(body): JsonBody<RegisterProduct>,
) -> Result<Reply<ProductAnswer>, Problem> {
    let (sku, command) = body.check()?;
    let intent = app.intent(&caller, "POST /commands/products", &headers, &body);
    let done = app.products.execute(sku.product(), Creates::No, command, intent).await?;
    let answer = ProductAnswer { version: done.version.0, sku: sku.clone(), message: "Product registered" };
    Ok(Reply::created(done, location(&sku), answer))
}

/// Changes a product's price; orders already placed keep theirs.
#[utoipa::path(post, path = "/commands/products/{sku}/price", tag = "products", request_body = PriceBody,
    params(("sku" = String, Path, description = "The product")),
    responses((status = 200, body = ProductAnswer, description = "Changed, or so already"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn change_price(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(sku): Params<Sku>,
    JsonBody(body): JsonBody<PriceBody>,
) -> Result<Reply<ProductAnswer>, Problem> {
    let mut shape = Shape::default();
    let price = body.check(&[], &mut shape);
    let command = ProductCommand::ChangePrice { price: shape.finish(price)? };
    let intent = app.intent(&caller, &format!("POST /commands/products/{sku}/price"), &headers, &body);
    let done = app.products.execute(sku.product(), Creates::No, command, intent).await?;
    Ok(ProductAnswer::reply(done, sku, "Price changed"))
}

/// Renames a product; orders already placed keep its name.
#[utoipa::path(post, path = "/commands/products/{sku}/rename", tag = "products", request_body = RenameProduct,
    params(("sku" = String, Path, description = "The product")),
    responses((status = 200, body = ProductAnswer, description = "Renamed, or called so already"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn rename(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(sku): Params<Sku>,
    JsonBody(body): JsonBody<RenameProduct>,
) -> Result<Reply<ProductAnswer>, Problem> {
    let command = body.check()?;
    let intent = app.intent(&caller, &format!("POST /commands/products/{sku}/rename"), &headers, &body);
    let done = app.products.execute(sku.product(), Creates::No, command, intent).await?;
    Ok(ProductAnswer::reply(done, sku, "Product renamed"))
}

/// Takes a product off sale, for ever; orders already placed are not touched.
#[utoipa::path(post, path = "/commands/products/{sku}/discontinue", tag = "products",
    request_body = Option<DiscontinueProduct>, params(("sku" = String, Path, description = "The product")),
    responses((status = 200, body = ProductAnswer, description = "Discontinued, now or before"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn discontinue(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(sku): Params<Sku>,
    body: Option<JsonBody<DiscontinueProduct>>,
) -> Result<Reply<ProductAnswer>, Problem> {
    let JsonBody(body) = body.unwrap_or_default();
    let intent = app.intent(&caller, &format!("POST /commands/products/{sku}/discontinue"), &headers, &body);
    let done = app.products.execute(sku.product(), Creates::No, ProductCommand::Discontinue, intent).await?;
    Ok(ProductAnswer::reply(done, sku, "Product discontinued"))
}

impl RenameProduct {
    fn check(&self) -> Result<ProductCommand, Problem> {
        let mut shape = Shape::default();
        let name = shape.take(&["name".into()], ProductName::parse(&self.name));
        shape.finish(name.map(|name| ProductCommand::Rename { name }))
    }
}

impl RegisterProduct {
    fn check(&self) -> Result<(Sku, ProductCommand), Problem> {
        let mut shape = Shape::default();
        let sku = shape.take(&["sku".into()], Sku::parse(&self.sku));
        let name = shape.take(&["name".into()], ProductName::parse(&self.name));
        let price = self.price.check(&["price".into()], &mut shape);
        let whole = sku
            .zip(name)
            .zip(price)
            .map(|((sku, name), price)| (sku.clone(), ProductCommand::Register { sku, name, price }));
        shape.finish(whole)
    }
}

impl PriceBody {
    fn check(&self, at: &[PathPart], shape: &mut Shape) -> Option<Price> {
        let path = |field: &str| [at, &[field.into()]].concat();
        let currency = shape.take(&path("currency"), Currency::parse(&self.currency))?;
        shape.take(&path("amount"), Price::new(Money { amount: self.amount, currency }))
    }
}

fn location(sku: &Sku) -> String {
    format!("/queries/products/{sku}")
}
