//! The HTTP server and what every route shares: request ids, limits, time-outs, and an answer in problem+json from
//! every layer that can say no.

mod body;
mod context;
mod guard;
mod layers;
mod limits;
mod params;
mod rate;
mod server;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use crate::metrics::{Metric, Unit};
use crate::{Error, Process};
use server::Server;

pub use body::{JsonBody, WholeBody};
pub use context::RequestContext;
pub use guard::Meter;
pub use layers::{BODY_LIMIT, layered};
pub use limits::HttpLimits;
pub use params::{Params, Search};
pub use server::LINGER;

/// The metrics of every HTTP server.
pub const METRICS: &[Metric] = &[REQUEST_SECONDS, REFUSED];

/// Labels: method, route (the pattern, or `none`), status.
pub(crate) const REQUEST_SECONDS: Metric =
    Metric::histogram("http_request_seconds", Unit::Seconds, "From a request's head to its answer's head.");
/// Labels: reason (`overloaded`, `address`, `user`, `user_at_once`).
pub(crate) const REFUSED: Metric = Metric::counter(
    "http_refused_total",
    Unit::Count,
    "Requests that were told to come back, by the limit that was reached.",
);

/// How long a process that is not ready yet turns clients away at the door, so that the gateway asks its twin. After that
/// it lets them in: then its answers say what is missing.
const OPENS_AT_LAST: Duration = Duration::from_secs(5);

/// Serves the routes once the process is ready, or after five seconds, inside [`layered`] and within these limits,
/// until the shutdown is requested; then accepts no more, finishes the requests in flight, lets the gateway go
/// ([`LINGER`]) and returns. Upgraded sockets and endless bodies are their owner's to end.
pub async fn serve(address: SocketAddr, router: Router, limits: &HttpLimits, process: &Process) -> Result<(), Error> {
    let bind = |source| Error::Bind { address, source };
    let socket = server::bind(address).map_err(bind)?;
    // Whoever is told that the process is ready may come at once.
    let door = process.health.dependency("http");
    process.set_up();
    // Whether ready, too late, or ending: all that follows is the same.
    let _elapsed = tokio::time::timeout(OPENS_AT_LAST, door.last()).await;
    let listener = server::listen(socket).map_err(bind)?;
    door.up();
    serve_on(listener, router, limits, process).await
}

/// [`serve`] on a listener that is already bound, as for a free port.
pub async fn serve_on(
    listener: TcpListener,
    router: Router,
    limits: &HttpLimits,
    process: &Process,
) -> Result<(), Error> {
    let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
    tracing::info!(http.address = %address, "serving on {address}");
    let router = layers::guarded(router, limits, &process.shutdown);
    let server = Server::new(router, limits.max_connections, process.shutdown.clone());
    server.run(listener).await.map_err(|source| Error::Serve { address, source })
}
