//! Keeps one board up to date, for as long as somebody watches it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use read_model::{Change, Changes, Reader};
use runtime::Shutdown;
use runtime::backoff::Backoff;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Shared, Subject, catalogue, operators};
use crate::{Error, metrics};

/// How long changes gather before they are read together. The first one after a pause does not wait.
const PACE: Duration = Duration::from_millis(20);

/// The one reader of a board in this process.
pub(super) struct Follower {
    pub(super) shared: Arc<Shared>,
    pub(super) states: Reader,
    pub(super) changes: Changes,
}

impl Follower {
    /// Follows until nobody watches any more.
    pub(super) async fn run(mut self, abandoned: CancellationToken, shutdown: Shutdown) {
        tokio::select! {
            never = self.follow() => match never {},
            () = abandoned.cancelled() => {}
            () = shutdown.requested() => {}
        }
        metrics::shown(self.shared.subject.name(), 0);
    }

    async fn follow(&mut self) -> Infallible {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
        loop {
            let mut change = self.changes.next().await;
            while let Err(error) = self.show(&change).await {
                let audience = self.shared.subject.name();
                tracing::debug!(error = runtime::chain(&error), audience, "a board could not be read; trying again");
                change = Change::Everything;
                backoff.wait().await;
            }
            backoff.reset();
            sleep(PACE).await;
        }
    }

    async fn show(&self, change: &Change) -> Result<(), Error> {
        match (self.shared.subject, change) {
            (Subject::Catalogue, Change::Everything) => self.show_catalogue().await?,
            (Subject::Catalogue, Change::Streams(streams)) => {
                self.shared.put(catalogue::changed(&self.states, streams).await?);
            }
            (Subject::Operators, Change::Everything) => self.shared.forget(),
            (Subject::Operators, Change::Streams(streams)) => {
                self.shared.put(operators::changed(&self.states, streams).await?);
            }
        }
        Ok(())
    }

    /// Page by page, the newest products first. What enters the catalogue meanwhile is heard of.
    async fn show_catalogue(&self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let (cards, next) = catalogue::page(&self.states, after).await?;
            self.shared.put(cards);
            let Some(next) = next else { return Ok(()) };
            after = Some(next);
        }
    }
}
