//! What can be asked about the generations of the views.

use bus::KafkaConfig;
use clap::value_parser;
use read_model::RedisConfig;
use schemas::StreamId;
use views::Projection;

use super::stream;
use crate::projections::LONGEST_PAUSE;

/// About generations.
#[derive(Debug, clap::Subcommand)]
pub enum ProjectionsCommand {
    /// Lists the generations of one projection, or of all.
    Ls {
        /// Where the views are.
        #[command(flatten)]
        redis: RedisConfig,
        /// Which projection.
        #[arg(value_parser = projection)]
        projection: Option<Projection>,
    },
    /// Compares the generation that was filled with the live one, and has readers see it if both show the same.
    Switch {
        /// Where the views are.
        #[command(flatten)]
        redis: RedisConfig,
        /// Which projection.
        #[arg(value_parser = projection)]
        projection: Projection,
        /// Streams that may differ, because you know why; separated by commas.
        #[arg(long, value_delimiter = ',', value_name = "STREAM", value_parser = stream)]
        accept: Vec<StreamId>,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
    /// Has readers see the generation again that was live before.
    Rollback {
        /// Where the views are.
        #[command(flatten)]
        redis: RedisConfig,
        /// Which projection.
        #[arg(value_parser = projection)]
        projection: Projection,
        /// The number of that generation, as the plan names it. To act it must be given: so the same command twice acts once.
        generation: Option<u32>,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
    /// Ends a generation that is not live, and frees its memory. There is no way back to it.
    Drop {
        /// Where the views are.
        #[command(flatten)]
        redis: RedisConfig,
        /// Which projection.
        #[arg(value_parser = projection)]
        projection: Projection,
        /// The generation's number.
        generation: u32,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
    /// Has projectors stand still for a while, which ends by itself. Commands and queries are answered as before.
    Pause {
        /// Where the views are.
        #[command(flatten)]
        redis: RedisConfig,
        /// Which projection.
        #[arg(value_parser = projection)]
        projection: Projection,
        /// For so many seconds from now on; 0 ends a pause.
        #[arg(long, default_value_t = 30, value_parser = value_parser!(u8).range(..=i64::from(LONGEST_PAUSE)))]
        seconds: u8,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
}

/// About filling a projection anew.
#[derive(Debug, clap::Args)]
pub struct RebuildCommand {
    /// Where the views are.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// Where the events are.
    #[command(flatten)]
    pub kafka: KafkaConfig,
    /// Which projection.
    #[arg(value_parser = projection)]
    pub projection: Projection,
    /// Events per second, all projectors together; 0 is as many as they can. Also changes the rate of one that is being
    /// filled.
    #[arg(long, default_value_t = 2_000)]
    pub rate: u32,
    /// Begin, and watch until it is filled; joins one that was begun already. Interrupting ends the watching only.
    #[arg(long)]
    pub execute: bool,
    /// Watch one that was begun, and change nothing.
    #[arg(long, conflicts_with = "execute")]
    pub watch: bool,
    /// Compare with the live generation, once it is filled.
    #[arg(long)]
    pub verify: bool,
    /// Streams that may differ, because you know why; separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "STREAM", value_parser = stream, requires = "verify")]
    pub accept: Vec<StreamId>,
}

pub(super) fn projection(name: &str) -> Result<Projection, String> {
    let known = || Projection::ALL.map(Projection::name).join(", ");
    Projection::named(name).ok_or_else(|| format!("no projection is named so; known are {}", known()))
}
