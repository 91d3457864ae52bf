//! The pipeline, for operators: how far every generation of every projection has read, how far the feeds have, and what
//! stands in their way.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use futures::future::{try_join, try_join_all};
use read_model::generations::{self, Generations};
use read_model::{Generation, Sink, Target};
use runtime::clock;
use runtime::problem::Problem;
use serde::Serialize;
use sessions::AdminCaller;
use utoipa::ToSchema;
use views::Projection;

use crate::App;
use crate::app::unreadable;
use crate::described::Refused;

/// How far everything is that reads the log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pipeline {
    /// When it was looked at; RFC 3339.
    at: String,
    /// Every projection.
    projections: Vec<ProjectionStage>,
    /// The owners' feeds.
    feeds: Progress,
}

/// How one projection stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProjectionStage {
    /// Its name.
    name: &'static str,
    /// The generation that answers come from; null if nothing was ever projected.
    live_generation: Option<u32>,
    /// Milliseconds since all partitions of that one were last seen at the end of their logs; null if one never was.
    lag_ms: Option<i64>,
    /// Milliseconds until it is fed again, because an operator has it pause; null if it is fed.
    pause_ms: Option<u64>,
    /// Every generation there is, by number.
    generations: Vec<GenerationStage>,
}

/// How one generation stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct GenerationStage {
    /// Its number.
    generation: u32,
    /// `filling` before it was ever live, `served` while or after it is, `dropping` while it is removed.
    #[schema(value_type = String)]
    state: generations::State,
    /// Events per second while it is filled; null is as many as can be.
    rate: Option<u32>,
    /// When it was begun, RFC 3339; null while no projector has noted it.
    started_at: Option<String>,
    /// How far it is.
    progress: Progress,
}

/// How far a reader of the log is.
#[derive(Debug, Serialize, ToSchema)]
struct Progress {
    /// Records that it has read, of all partitions together.
    read: i64,
    /// The offset that it reads next, by `topic/partition`.
    positions: BTreeMap<String, i64>,
    /// Streams of which it misses versions.
    gaps: usize,
    /// Streams that wait for somebody.
    parked: usize,
}

/// How far every projection, each of its generations, and the feeds are.
#[utoipa::path(get, path = "/ops/pipeline", tag = "operators",
    responses((status = 200, body = Pipeline), (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn show(State(app): State<App>, _admin: AdminCaller) -> Result<Json<Pipeline>, Problem> {
    let names = Projection::ALL.map(Projection::name);
    let known = app.model.generations(&names).await.map_err(|error| unreadable(&error))?;
    let pauses = app.model.pauses(&names).await.map_err(|error| unreadable(&error))?;
    let stages = names.into_iter().zip(known).zip(pauses).map(|((name, known), left)| app.stage(name, known, left));
    let (projections, feeds) = try_join(try_join_all(stages), app.progress(Sink::Feeds)).await?;
    Ok(Json(Pipeline { at: clock::rfc3339(clock::now_micros()), projections, feeds }))
}

impl App {
    async fn stage(
        &self,
        name: &'static str,
        known: Option<Generations>,
        pause: Duration,
    ) -> Result<ProjectionStage, Problem> {
        let pause_ms = u64::try_from(pause.as_millis()).ok().filter(|left| *left > 0);
        let Some(Generations { live, entries }) = known else {
            let (live_generation, lag_ms, generations) = (None, None, Vec::new());
            return Ok(ProjectionStage { name, live_generation, lag_ms, pause_ms, generations });
        };
        let lag_ms = self.reader.lag_ms(name).await.map_err(|error| unreadable(&error))?;
        let mut noted: BTreeMap<_, _> = entries.into_iter().map(|(number, entry)| (number, Some(entry))).collect();
        noted.entry(live).or_insert(None);
        let mut generations = Vec::with_capacity(noted.len());
        for (generation, entry) in noted {
            let progress = self.progress(Sink::Views(Target { projection: name, generation })).await?;
            generations.push(GenerationStage::of(generation, entry, progress));
        }
        Ok(ProjectionStage { name, live_generation: Some(live.0), lag_ms, pause_ms, generations })
    }

    async fn progress(&self, sink: Sink) -> Result<Progress, Problem> {
        let survey = self.model.survey(sink).await.map_err(|error| unreadable(&error))?;
        Ok(Progress {
            read: survey.positions.values().sum(),
            positions: survey.positions.iter().map(|(source, next)| (source.to_string(), *next)).collect(),
            gaps: survey.gaps.len(),
            parked: survey.parked.len(),
        })
    }
}

impl GenerationStage {
    /// Without an entry it is live, and no projector of this build has come yet.
    fn of(generation: Generation, entry: Option<generations::Entry>, progress: Progress) -> Self {
        Self {
            generation: generation.0,
            state: entry.map_or(generations::State::Served, |entry| entry.state),
            rate: entry.and_then(|entry| entry.rate),
            started_at: entry.map(|entry| clock::rfc3339(entry.started_ms.saturating_mul(1000))),
            progress,
        }
    }
}
