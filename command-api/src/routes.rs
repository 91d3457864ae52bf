//! Every route of the command API.

mod order;
mod payment;
mod product;
mod stock;
mod user;
mod webhook;
mod well_known;

use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

/// The routes, with the application behind them.
pub fn router(app: App) -> Router {
    described().split_for_parts().0.with_state(app)
}

/// What the routes take and answer, as OpenAPI 3.1.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().split_for_parts().1
}

fn described() -> OpenApiRouter<App> {
    #[derive(OpenApi)]
    #[openapi(info(title = "orderflow commands"))]
    struct Description;

    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(order::place))
        .routes(routes!(order::cancel))
        .routes(routes!(product::register))
        .routes(routes!(product::change_price))
        .routes(routes!(stock::receive))
        .routes(routes!(payment::refund))
        .routes(routes!(user::register))
        .routes(routes!(user::log_in))
        .routes(routes!(user::log_out))
        .routes(routes!(webhook::payments))
        .routes(routes!(well_known::jwks))
}
