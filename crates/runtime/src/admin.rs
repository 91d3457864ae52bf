//! The admin port: liveness, readiness, metrics, version. It is up before anything else and ends last.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use crate::Process;
use crate::metrics::{Metric, Unit};

const READY: Metric = Metric::gauge("process_ready", Unit::Count, "1 if the process can do its work, else 0.");
/// By `dependency`.
const DEPENDENCY_UP: Metric = Metric::gauge(
    "dependency_up",
    Unit::Count,
    "1 if what this process needs is there and as it should be, else 0; readiness says why.",
);

/// The metrics of every process's health.
pub(crate) const METRICS: &[Metric] = &[READY, DEPENDENCY_UP];

#[derive(Clone)]
struct Admin {
    process: Process,
    metrics: PrometheusHandle,
}

/// The routes of the admin port.
pub(crate) fn router(process: Process, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
        .route("/version", get(version))
        .with_state(Admin { process, metrics })
}

/// Keeps histograms small between two visits of the scraper, for ever.
pub(crate) async fn upkeep(metrics: PrometheusHandle) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        metrics.run_upkeep();
    }
}

async fn ready(State(admin): State<Admin>, Query(query): Query<Vec<(String, String)>>) -> Response {
    let report = admin.process.health.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if query.iter().any(|(name, _)| name == "verbose") {
        return (status, Json(report)).into_response();
    }
    (status, if report.ready { "ready" } else { "not ready" }).into_response()
}

async fn metrics_text(State(admin): State<Admin>) -> Response {
    tell_health(&admin.process);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], admin.metrics.render()).into_response()
}

/// Health as metrics, as it is when somebody asks.
fn tell_health(process: &Process) {
    let report = process.health.report();
    let up = |up: bool| if up { 1.0 } else { 0.0 };
    READY.set(up(report.ready));
    for dependency in report.dependencies {
        metrics::gauge!(DEPENDENCY_UP.name, "dependency" => dependency.name).set(up(dependency.up));
    }
}

async fn version(State(admin): State<Admin>) -> Json<serde_json::Value> {
    let Process { name, instance, .. } = &admin.process;
    let commit = option_env!("GIT_COMMIT");
    Json(json!({"name": name, "instance": **instance, "version": env!("CARGO_PKG_VERSION"), "commit": commit}))
}
