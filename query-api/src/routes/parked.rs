//! Parked streams, for operators: which do not go on, in which projection or in the feeds, and why.

use axum::Json;
use axum::extract::State;
use read_model::{Parked, ParkingEntry, Sink, Target};
use runtime::problem::Problem;
use serde::Serialize;
use sessions::AdminCaller;
use utoipa::ToSchema;
use views::Projection;

use crate::App;
use crate::app::unreadable;
use crate::described::Refused;
use crate::parameters::Parameters;

/// The parked streams.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ParkedStreams {
    /// How many there are.
    count: usize,
    /// By projection, then by stream.
    parked: Vec<ParkedStream>,
}

/// A stream that waits, because an event of it could not be decoded or applied.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ParkedStream {
    /// Where it waits: a projection, or `feeds`.
    projection: &'static str,
    /// In which generation of the projection: the one that answers come from. Null for the feeds.
    generation: Option<u32>,
    /// The stream.
    stream: String,
    /// The version that was not applied; null if the record does not tell it.
    version: Option<u32>,
    /// `undecodable`, `unknown_type`, `foreign`, `sealed`, `unfoldable`, `shape` or `unwritable`.
    #[schema(value_type = String)]
    cause: read_model::Cause,
    /// The same for people.
    reason: String,
    /// The type that the record names.
    event_type: Option<String>,
    /// The event's id, if the record has one.
    event_id: Option<String>,
    /// Where the record lies: the topic,
    topic: String,
    /// its partition,
    partition: i32,
    /// and the offset there.
    offset: i64,
    /// Since when it waits; RFC 3339.
    at: String,
}

/// The streams that are parked in the generations that answers come from, and in the feeds.
#[utoipa::path(get, path = "/ops/parked", tag = "operators",
    params(("projection" = Option<String>, Query, description = "Only in this projection, or in the `feeds`")),
    responses((status = 200, body = ParkedStreams), (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn list(
    State(app): State<App>,
    _admin: AdminCaller,
    parameters: Parameters,
) -> Result<Json<ParkedStreams>, Problem> {
    let known = |name: &str| readers().into_iter().find(|reader| name_of(*reader) == name);
    let names: Vec<_> = readers().into_iter().map(name_of).collect();
    let only = parameters.one("projection", &format!("one of {}", names.join(", ")), known)?;
    let mut parked = Vec::new();
    for reader in only.map_or_else(readers, |only| vec![only]) {
        parked.extend(app.parked(reader).await?);
    }
    Ok(Json(ParkedStreams { count: parked.len(), parked }))
}

/// Every projection, and the feeds, which are none.
fn readers() -> Vec<Option<Projection>> {
    Projection::ALL.into_iter().map(Some).chain([None]).collect()
}

fn name_of(reader: Option<Projection>) -> &'static str {
    reader.map_or("feeds", Projection::name)
}

impl App {
    /// A projection that never began has parked nothing.
    async fn parked(&self, reader: Option<Projection>) -> Result<Vec<ParkedStream>, Problem> {
        let name = name_of(reader);
        let (sink, generation) = match reader {
            None => (Sink::Feeds, None),
            Some(_) => match self.reader.live_generation(name).await {
                Err(read_model::Error::NoLiveGeneration { .. }) => return Ok(Vec::new()),
                live => {
                    let generation = live.map_err(|error| unreadable(&error))?;
                    (Sink::Views(Target { projection: name, generation }), Some(generation.0))
                }
            },
        };
        let parked = self.model.parked(sink).await.map_err(|error| unreadable(&error))?;
        Ok(parked.into_iter().map(|parked| ParkedStream::of(name, generation, parked)).collect())
    }
}

impl ParkedStream {
    fn of(projection: &'static str, generation: Option<u32>, parked: Parked) -> Self {
        let Parked { stream, entry, .. } = parked;
        let ParkingEntry { version, cause, reason, event_type, event_id, topic, partition, offset, at } = entry;
        Self {
            projection,
            generation,
            stream: stream.to_string(),
            version: version.map(|version| version.0),
            cause,
            reason,
            event_type,
            event_id: event_id.map(|id| id.to_string()),
            topic,
            partition,
            offset,
            at: at.to_string(),
        }
    }
}
