//! The HTTP server and what every route shares: request ids, limits, time-outs, and an answer in problem+json from
//! every layer that can say no.

mod body;
mod context;
mod layers;
mod params;

use std::net::SocketAddr;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::metrics::{Metric, Unit};
use crate::{Error, Process};

pub use body::JsonBody;
pub use context::RequestContext;
pub use layers::{BODY_LIMIT, layered};
pub use params::{Params, Search};

/// The metrics of every HTTP server.
pub const METRICS: &[Metric] = &[REQUEST_SECONDS];

/// Labels: method, route (the pattern, or `none`), status.
pub(crate) const REQUEST_SECONDS: Metric =
    Metric::histogram("http_request_seconds", Unit::Seconds, "From a request's head to its answer's head.");

/// Serves the routes, inside [`layered`], until the shutdown is requested; then accepts no more, finishes the requests
/// in flight and returns. Upgraded sockets and endless bodies are their owner's to end.
pub async fn serve(address: SocketAddr, router: Router, process: &Process) -> Result<(), Error> {
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Bind { address, source })?;
    serve_on(listener, router, process).await
}

/// [`serve`] on a listener that is already bound, as for a free port.
pub async fn serve_on(listener: TcpListener, router: Router, process: &Process) -> Result<(), Error> {
    let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
    let shutdown = process.shutdown.clone();
    tracing::info!(http.address = %address, "serving on {address}");
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended before its first request");
        }
    });
    axum::serve(listener, layered(router))
        .with_graceful_shutdown(async move { shutdown.requested().await })
        .await
        .map_err(|source| Error::Serve { address, source })
}
