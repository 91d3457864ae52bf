//! The catalogue: one product, and all of them, each with the pieces that are available.

use axum::extract::State;
use axum::response::Response;
use read_model::{Entry, Page};
use runtime::http::Params;
use runtime::problem::Problem;
use schemas::{Aggregate, Sku};
use sessions::Caller;
use views::Projection;

use super::stock::Stock;
use crate::App;
use crate::answer::{Answer, Listed, Shown};
use crate::app::unreadable;
use crate::described::{OneProduct, ProductPage, Refused};
use crate::parameters::Parameters;
use crate::terms::Terms;

/// What an answer about products comes from.
const OVER: [Projection; 2] = [Projection::Products, Projection::Stock];

/// One product of the catalogue.
#[utoipa::path(get, path = "/queries/products/{sku}", tag = "products",
    params(("sku" = String, Path, description = "The product"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that")),
    responses((status = 200, body = OneProduct), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn one(
    State(app): State<App>,
    _caller: Caller,
    Params(sku): Params<Sku>,
    terms: Terms,
) -> Result<Response, Problem> {
    let (product, stock) = app.product(&sku, &terms).await?;
    let versions = [product.version, stock.version];
    let product = stock.joined_to(product);
    app.answer(&OVER, Answer::wrapped("product", &product.body, &versions), &terms).await
}

/// All products, newest first.
#[utoipa::path(get, path = "/queries/products", tag = "products",
    params(("limit" = Option<u64>, Query, description = "50 unless told; more than 100 count as 100"),
        ("cursor" = Option<String>, Query, description = "Where the page starts, as the page before said"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that")),
    responses((status = 200, body = ProductPage), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn list(
    State(app): State<App>,
    _caller: Caller,
    parameters: Parameters,
    terms: Terms,
) -> Result<Response, Problem> {
    let (limit, after) = (parameters.limit()?, parameters.cursor(Aggregate::Product)?);
    app.reached(&OVER, &terms).await?;
    let page = Page { list: "all".to_owned(), from: None, to: None, after, limit };
    app.answer(&OVER, Answer::page("products", app.products(&page).await?), &terms).await
}

impl App {
    /// A product and its stock, read together.
    async fn product(&self, sku: &Sku, terms: &Terms) -> Result<(Shown, Stock), Problem> {
        let (product, stock) = (sku.product(), sku.stock());
        let found = self.documents(&[(Projection::Products, &product), (Projection::Stock, &stock)], terms).await?;
        let mut found = found.into_iter();
        let product = Shown::of(found.next().flatten());
        let product = product.ok_or_else(|| Problem::not_found("product_not_found", "Product not found"))?;
        Ok((product, Stock::of(found.next().flatten())?))
    }

    /// A page of products, then the stock of each in one more round trip.
    async fn products(&self, page: &Page) -> Result<Listed, Problem> {
        let found = self.reader.page(Projection::Products.name(), page).await;
        let (entries, next) = found.map_err(|error| unreadable(&error))?;
        let stocks = self.stocks(&entries).await?;
        let mut listed = Listed { next, ..Listed::default() };
        for (Entry { document, .. }, stock) in entries.into_iter().zip(stocks) {
            let product = Shown::of(Some(document)).map(|product| stock.joined_to(product));
            listed.documents.extend(product.map(|product| product.body));
        }
        Ok(listed)
    }
}
