//! What the routes share.

use std::sync::Arc;

use axum::extract::FromRef;
use read_model::{ReadModel, Reader};
use runtime::problem::Problem;
use runtime::{Passes, Process};
use sessions::Sessions;

use crate::boards::Boards;
use crate::config::Terms;
use crate::hub::Hubs;
use crate::screens::Screens;

/// How long a client should stay away while the feeds cannot be read, in seconds.
const RETRY_AFTER: u32 = 1;

/// The state of the routes; clones share everything.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) terms: Arc<Terms>,
    pub(crate) read_model: ReadModel,
    pub(crate) states: Reader,
    pub(crate) sessions: Sessions,
    pub(crate) passes: Arc<Passes>,
    pub(crate) hubs: Arc<Hubs>,
    pub(crate) boards: Arc<Boards>,
    pub(crate) screens: Screens,
    pub(crate) process: Process,
}

impl App {
    /// Starts listening for the bells of feeds.
    #[must_use]
    pub fn new(terms: Terms, read_model: ReadModel, sessions: Sessions, process: &Process) -> Self {
        let states = read_model.reader();
        Self {
            passes: Arc::new(Passes::new(terms.max_connections_per_user)),
            hubs: Arc::new(Hubs::new(read_model.clone(), terms.connection_queue_bytes, process)),
            boards: Arc::new(Boards::new(read_model.clone(), states.clone(), process)),
            screens: Screens::new(read_model.clone(), process),
            states,
            terms: Arc::new(terms),
            read_model,
            sessions,
            process: process.clone(),
        }
    }
}

impl FromRef<App> for Sessions {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

/// The answer while the feeds cannot be read.
pub(crate) fn unreadable(error: &dyn std::error::Error) -> Problem {
    tracing::debug!(error = runtime::chain(error), "the feeds did not answer");
    Problem::unavailable("The realtime feed", RETRY_AFTER)
}
