//! What the routes share: the read model, the notices, the sessions, the other services.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use axum::http::StatusCode;
use read_model::{Notices, ReadModel, Reader};
use runtime::Process;
use runtime::http::HttpLimits;
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
    /// Starts listening to what projectors apply. The limits are those of the server that asks.
    #[must_use]
    pub fn new(model: &ReadModel, sessions: Sessions, peers: Peers, limits: &HttpLimits, process: &Process) -> Self {
        let notices = model.notices(process).among(limits.max_requests);
        let (model, reader) = (model.clone(), model.reader());
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
    if let read_model::Error::TooManyWaiters { .. } = error {
        let detail = format!("Too many wait for what is not projected yet; try again in {RETRY_AFTER} s");
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).retry_after(RETRY_AFTER);
    }
    if error.is_passing() {
        tracing::debug!(error = runtime::chain(error), "the read model did not answer");
        return Problem::unavailable("The read model", RETRY_AFTER);
    }
    tracing::error!(error = runtime::chain(error), "the read model cannot be read");
    Problem::internal()
}

#[cfg(test)]
mod tests {
    use super::unreadable;

    #[test]
    fn whoever_finds_no_room_to_wait_hears_that_there_is_too_much_and_not_that_something_is_away() {
        let problem = |error| {
            let problem = unreadable(&error);
            (problem.status().as_u16(), problem.code(), problem.body(None).retryable)
        };
        assert_eq!(problem(read_model::Error::TooManyWaiters { waiting: 512 }), (503, "overloaded", true));
        let away = read_model::Error::NoLiveGeneration { projection: "orders".to_owned() };
        assert_eq!(problem(away), (503, "unavailable", true));
    }
}
