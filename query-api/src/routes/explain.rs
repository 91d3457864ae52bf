//! How an order came to where it is, for operators: told from where its events were sighted.

use axum::Json;
use axum::extract::State;
use futures::future::try_join_all;
use read_model::Trail;
use runtime::http::Params;
use runtime::problem::Problem;
use schemas::{OrderId, StreamId};
use sessions::AdminCaller;
use views::{Explanation, Projection, Sighting, Station, Told};

use crate::App;
use crate::app::unreadable;
use crate::described::{self, Refused};
use crate::terms::Terms;

/// What caused what in an order, its payment and its fulfilment, and how long each event took to where it is shown. What no
/// view shows yet is missing; `ops explain` knows that, too, and who gave each command.
#[utoipa::path(get, path = "/ops/explain/{order}", tag = "operators",
    params(("order" = String, Path, description = "The order"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that")),
    responses((status = 200, body = described::Explanation),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn show(
    State(app): State<App>,
    _admin: AdminCaller,
    Params(order): Params<OrderId>,
    terms: Terms,
) -> Result<Json<Explanation>, Problem> {
    let history = [(Projection::History, order.stream())];
    let others = [Projection::Payments, Projection::Fulfilment];
    let history = app.documents_beside(&history, &others, &terms).await?;
    if history.iter().all(Option::is_none) {
        return Err(Problem::not_found("order_not_found", "Order not found"));
    }
    let streams = [order.stream().clone(), order.payment().stream().clone(), order.fulfilment().stream().clone()];
    let told = try_join_all(streams.iter().map(|stream| app.told(stream))).await?;
    Ok(Json(Explanation::new(&order, told.concat())))
}

impl App {
    /// What a stream's sightings tell of its events.
    async fn told(&self, stream: &StreamId) -> Result<Vec<Told>, Problem> {
        let stations = Station::of(stream);
        let trails: Vec<_> = stations.iter().map(|station| trail(*station)).collect();
        let found = self.model.trails(stream, &trails).await.map_err(|error| unreadable(&error))?;
        let sightings = stations.iter().zip(found).flat_map(|(station, found)| {
            found.into_iter().map(|(at, seen)| Sighting {
                station: *station,
                version: seen.version,
                at,
                note: seen.note,
            })
        });
        Ok(Told::by_sightings(stream, &sightings.collect::<Vec<_>>()))
    }
}

const fn trail(station: Station) -> Trail {
    match station {
        Station::View(projection) => Trail::Views(projection.name()),
        Station::Feed => Trail::Feeds,
        Station::Screen => Trail::Screens,
    }
}
