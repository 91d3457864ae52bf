//! The WebSocket.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::StatusCode;
use axum::response::Response;
use runtime::http::Search;
use runtime::problem::{Problem, ProblemBody};
use serde::Deserialize;

use crate::App;
use crate::connection::wire::{Close, WebSocketWire};
use crate::connection::{Opening, Patience, farewell};
use crate::entry::{Entrant, PROTOCOL};
use crate::metrics::Open;

/// How long the greeting waits for a client that resumes by its first frame.
const GREETING: Duration = Duration::from_millis(300);

/// Buffers of a socket: thousands of idle ones must fit.
const READ_BUFFER: usize = 4 * 1024;
const WRITE_BUFFER: usize = 8 * 1024;
/// The largest frame that a client may send, in bytes.
pub const LONGEST_HEARD: usize = 4 * 1024;
/// More than the largest event makes.
const LONGEST_TOLD: usize = 4 * 1024 * 1024;

/// What may stand in the URL.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Where to go on; a `resume` frame says the same.
    cursor: Option<String>,
}

/// Opens a WebSocket for the caller's own feed, the catalogue, or what operators watch.
#[utoipa::path(get, path = "/ws", tag = "realtime",
    params(("ticket" = Option<String>, Query, description = "From `POST /ws/tickets`, unless a token comes in a header"),
        ("audience" = Option<String>, Query,
            description = "`owner`, one's own feed, unless it says `catalogue`, or `operators` for admins"),
        ("cursor" = Option<String>, Query, description = "Where to go on; a `resume` frame says the same")),
    responses((status = 101, description = "Frames follow; see the realtime protocol"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn open(
    State(app): State<App>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    entrant: Entrant,
    Search(asked): Search<Asked>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|rejection| not_a_socket(&rejection))?;
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(LONGEST_TOLD)
        .max_message_size(LONGEST_HEARD)
        .max_frame_size(LONGEST_HEARD);
    let (tasks, audience) = (app.process.tasks.clone(), entrant.audience);
    let Some(opening) = Opening::of(&app, entrant).await? else {
        return Ok(upgrade.on_upgrade(move |socket| async move {
            drop(tasks.spawn("websocket", farewell(WebSocketWire::new(socket), Close::TooMany)));
        }));
    };
    let patience = Patience { greeting: GREETING, write: app.terms.slow_client };
    Ok(upgrade.on_upgrade(move |socket| async move {
        let open = Open::new("websocket", audience);
        let connection = opening.connect(WebSocketWire::new(socket), patience);
        drop(tasks.spawn("websocket", async move {
            connection.run(asked.cursor).await;
            drop(open);
        }));
    }))
}

fn not_a_socket(rejection: &WebSocketUpgradeRejection) -> Problem {
    let detail = format!("A WebSocket handshake is expected here: {rejection}");
    Problem::new(StatusCode::UPGRADE_REQUIRED, "websocket_required", detail)
}
