//! Positions lie in Redis, beside the views that they belong to.

use read_model::{ReadModel, Source, Target};

/// Where the consumer asks from where to read.
#[derive(Debug)]
pub(crate) struct Positions {
    pub(crate) read_model: ReadModel,
    pub(crate) target: Target,
}

impl bus::PositionSource for Positions {
    type Error = read_model::Error;

    async fn position(&self, topic: &str, partition: i32) -> Result<bus::Position, Self::Error> {
        let source = Source { topic: topic.into(), partition };
        self.read_model.open(&self.target, &source).await.map(on_bus)
    }
}

/// The same position, as the bus has it.
pub(crate) fn on_bus(position: read_model::Position) -> bus::Position {
    let read_model::Position { next, last } = position;
    bus::Position { next, last }
}
