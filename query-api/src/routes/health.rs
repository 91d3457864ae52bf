//! The services' health, for anybody: which can work, never why not.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use runtime::clock;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::health::Overview;

/// What both seeds answered, in one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    /// Whether all services can do their work.
    ok: bool,
    /// `ok` or `degraded`.
    status: &'static str,
    service: &'static str,
    /// RFC 3339.
    time: String,
    /// `connected`, or `disconnected` while nothing can be read.
    cache_status: &'static str,
}

/// That this process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Alive {
    alive: bool,
}

/// A report for people and for the seeds' clients: always 200 while anybody answers. Ask `/health/ready` for a verdict.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Health)))]
pub(super) async fn health(State(app): State<App>) -> Json<Health> {
    let overview = app.peers.overview().await;
    let ok = overview.ready;
    let status = if ok { "ok" } else { "degraded" };
    let cache_status = if overview.has_views() { "connected" } else { "disconnected" };
    Json(Health { ok, status, service: "orderflow", time: clock::rfc3339(clock::now_micros()), cache_status })
}

/// That this process answers.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = Alive)))]
pub(super) async fn live() -> Json<Alive> {
    Json(Alive { alive: true })
}

/// Whether every service can do its work.
#[utoipa::path(get, path = "/health/ready", tag = "health",
    responses((status = 200, body = Overview), (status = 503, body = Overview, description = "At least one cannot")))]
pub(super) async fn ready(State(app): State<App>) -> (StatusCode, Json<Overview>) {
    let overview = app.peers.overview().await;
    let status = if overview.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(overview))
}
