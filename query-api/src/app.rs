//! What the routes share: the read model, the notices, the sessions, the other services.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use read_model::{Notices, ReadModel, Reader};
use runtime::Process;
use runtime::problem::Problem;
use sessions::Sessions;

use crate::Peers;

/// How long a client should stay away from a read model that is down, in seconds.
const RETRY_AFTER: u32 = 1;

/// The state of the routes. Every request clones it several times over, so a clone is one pointer.
#[derive(Debug, Clone)]
pub struct App(Arc<Shared>);

/// What is behind that pointer.
#[derive(Debug)]
pub struct Shared {
    pub(crate) model: ReadModel,
    pub(crate) reader: Reader,
    pub(crate) notices: Notices,
    pub(crate) sessions: Sessions,
    pub(crate) peers: Peers,
}

impl App {
    /// Starts listening to what projectors apply.
    #[must_use]
    pub fn new(model: &ReadModel, sessions: Sessions, peers: Peers, process: &Process) -> Self {
        let (model, reader, notices) = (model.clone(), model.reader(), model.notices(process));
        Self(Arc::new(Shared { model, reader, notices, sessions, peers }))
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<App> for Sessions {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

/// The answer while the read model cannot be read. What does not pass by itself is a defect, and logged as one.
pub(crate) fn unreadable(error: &read_model::Error) -> Problem {
    if error.is_passing() {
        tracing::debug!(error = runtime::chain(error), "the read model did not answer");
        return Problem::unavailable("The read model", RETRY_AFTER);
    }
    tracing::error!(error = runtime::chain(error), "the read model cannot be read");
    Problem::internal()
}
