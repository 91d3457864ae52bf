//! The projections, for operators: which generation of each is served, and how far behind it is.

use axum::Json;
use axum::extract::State;
use runtime::problem::Problem;
use serde::Serialize;
use sessions::AdminCaller;
use utoipa::ToSchema;
use views::Projection;

use crate::App;
use crate::app::unreadable;
use crate::described::Refused;

/// Every projection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Projections {
    projections: Vec<Standing>,
}

/// How one projection stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Standing {
    /// Its name.
    name: &'static str,
    /// The generation that answers come from; null if nothing was ever projected.
    live_generation: Option<u32>,
    /// Milliseconds since all of its partitions were last seen at the end of their logs; null if one never was.
    lag_ms: Option<i64>,
}

/// The generation and the lag of every projection.
#[utoipa::path(get, path = "/ops/projections", tag = "operators",
    responses((status = 200, body = Projections), (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn list(State(app): State<App>, _admin: AdminCaller) -> Result<Json<Projections>, Problem> {
    let mut projections = Vec::new();
    for projection in Projection::ALL {
        projections.push(app.standing(projection).await?);
    }
    Ok(Json(Projections { projections }))
}

impl App {
    async fn standing(&self, projection: Projection) -> Result<Standing, Problem> {
        let name = projection.name();
        let live = match self.reader.live_generation(name).await {
            Err(read_model::Error::NoLiveGeneration { .. }) => {
                return Ok(Standing { name, live_generation: None, lag_ms: None });
            }
            live => live.map_err(|error| unreadable(&error))?,
        };
        let lag_ms = self.reader.lag_ms(name).await.map_err(|error| unreadable(&error))?;
        Ok(Standing { name, live_generation: Some(live.0), lag_ms })
    }
}
