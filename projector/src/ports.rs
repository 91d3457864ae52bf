//! What the projector needs of Redis, so that a simulation can stand in for it.

use std::future::Future;

use read_model::{Applied, Batch, ReadModel, Source, Standing, Target};
use schemas::{Position, StreamId};

/// What a partition needs of the views: implemented by Redis, and by the simulation.
pub trait Views: Send + Sync {
    /// Begins, or resumes, the work on a partition: its stored position.
    fn open(
        &self,
        target: &Target,
        source: &Source,
    ) -> impl Future<Output = Result<Position, read_model::Error>> + Send;

    /// What the next events of these streams are folded on, in their order.
    fn standings(
        &self,
        target: &Target,
        streams: &[StreamId],
    ) -> impl Future<Output = Result<Vec<Standing>, read_model::Error>> + Send;

    /// Applies a batch as one step, or nothing of it; after an error the outcome is unknown.
    fn apply(&self, batch: &Batch) -> impl Future<Output = Result<Applied, read_model::Error>> + Send;
}

/// By its own methods of these names.
impl Views for ReadModel {
    async fn open(&self, target: &Target, source: &Source) -> Result<Position, read_model::Error> {
        self.open(target, source).await
    }

    async fn standings(&self, target: &Target, streams: &[StreamId]) -> Result<Vec<Standing>, read_model::Error> {
        self.standings(target, streams).await
    }

    async fn apply(&self, batch: &Batch) -> Result<Applied, read_model::Error> {
        self.apply(batch).await
    }
}
