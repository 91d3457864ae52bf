//! Positions lie in Redis, beside the views that they belong to.

use read_model::{ReadModel, Source, Target};
use schemas::Position;

/// Where the consumer asks from where to read.
#[derive(Debug)]
pub(crate) struct Positions {
    pub(crate) read_model: ReadModel,
    pub(crate) target: Target,
}

impl bus::PositionSource for Positions {
    type Error = read_model::Error;

    async fn position(&self, topic: &str, partition: i32) -> Result<Position, Self::Error> {
        let source = Source { topic: topic.into(), partition };
        self.read_model.open(&self.target, &source).await
    }
}
