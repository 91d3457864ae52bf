//! Every route of the query API.

mod board;
mod documentation;
mod explain;
mod fulfilment;
mod health;
mod order;
mod parked;
mod payment;
mod pipeline;
mod product;
mod projection;
mod stock;
mod user;

use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

/// The routes, with the application behind them. Wrap them in [`runtime::http::layered`], as serving does.
pub fn router(app: App) -> Router {
    described().split_for_parts().0.with_state(app).merge(documentation::router()).merge(board::router())
}

/// What the routes take and answer, as `OpenAPI` 3.1.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().split_for_parts().1
}

fn described() -> OpenApiRouter<App> {
    #[derive(OpenApi)]
    #[openapi(info(title = "orderflow", description = "Commands, queries and realtime, behind one gateway."))]
    struct Description;

    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(order::one))
        .routes(routes!(order::list))
        .routes(routes!(order::history))
        .routes(routes!(order::past::diff))
        .routes(routes!(payment::one))
        .routes(routes!(product::one))
        .routes(routes!(product::list))
        .routes(routes!(user::profile))
        .routes(routes!(user::me))
        .routes(routes!(user::list))
        .routes(routes!(user::search))
        .routes(routes!(user::one))
        .routes(routes!(projection::list))
        .routes(routes!(pipeline::show))
        .routes(routes!(parked::list))
        .routes(routes!(fulfilment::list))
        .routes(routes!(explain::show))
        .routes(routes!(health::health))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(documentation::asyncapi))
}
