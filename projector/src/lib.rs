//! The projector: reads events from Kafka and folds them into the views in Redis.
//!
//! Each generation of a projection is a consumer group of its own with one worker per partition. The position in Redis,
//! moved by the same atomic call as the views, is the truth; Kafka's offsets are for lag tools.

mod board;
mod cache;
mod config;
mod error;
mod fold;
mod generations;
mod metrics;
mod pace;
mod ports;
mod positions;
mod progress;
mod read;
mod renewal;
mod work;
mod worker;

use runtime::Process;

pub use config::Config;
pub use error::{Error, Stop};
pub use metrics::METRICS;
pub use ports::Views;
pub use progress::{Progress, Projected};
pub use read::{Read, Refusal};
pub use work::Work;

use generations::Feeding;

/// Runs until shutdown. Servers that are away are waited for, visibly.
pub async fn run(config: Config, process: Process) -> Result<(), Error> {
    runtime::metrics::describe(METRICS);
    for projection in &config.projections {
        metrics::LOG_CHANGED.begin_at_zero(&[("projection", projection.name())]);
    }
    let feeding = Feeding::prepare(&config, &process).await?;
    process.set_up();
    feeding.run().await.map_err(|source| Error::Events { source })
}
