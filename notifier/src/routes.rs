//! Every route of the notifier.

mod events;
mod socket;
mod ticket;

use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

pub use socket::LONGEST_HEARD;

/// The routes, with the application behind them. Wrap them in [`runtime::http::layered`], as serving does.
pub fn router(app: App) -> Router {
    described().split_for_parts().0.with_state(app)
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
        .routes(routes!(ticket::issue))
        .routes(routes!(socket::open))
        .routes(routes!(events::open))
}
