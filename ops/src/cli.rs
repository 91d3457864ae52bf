//! What can be asked for.

use std::path::PathBuf;
use std::time::Duration;

use bus::KafkaConfig;
use read_model::RedisConfig;
use schemas::StreamId;
use vault::VaultConfig;
use views::Projection;

/// How long a command may take that says nothing else.
const LIMIT: Duration = Duration::from_secs(60);

/// Plans by default; `--execute` acts.
#[derive(Debug, clap::Parser)]
#[command(name = "ops", version)]
pub struct Cli {
    /// How the answer looks.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Seconds after which to give up; 60, but without an end for what is watched.
    #[arg(long, global = true, value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// About what.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// After how long to give up; `None` is never.
    pub(crate) fn limit(&self) -> Option<Duration> {
        let watches = matches!(&self.command, Command::Rebuild(rebuild) if rebuild.execute || rebuild.watch);
        self.timeout.or((!watches).then_some(LIMIT))
    }
}

/// How the answer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// About what.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Kafka topics, one per aggregate.
    #[command(subcommand)]
    Topics(TopicsCommand),
    /// Avro schemas in the registry, one subject per event.
    #[command(subcommand)]
    Schemas(SchemasCommand),
    /// The keys that sign and check access tokens, and those that wrap users' keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The generations of the views: which there are, which one readers see.
    #[command(subcommand)]
    Projections(ProjectionsCommand),
    /// Fills a projection anew from the log, beside the generation that readers see. Nothing stops, and nothing changes for
    /// readers until `ops projections switch`.
    Rebuild(RebuildCommand),
}

/// About topics.
#[derive(Debug, clap::Subcommand)]
pub enum TopicsCommand {
    /// Creates the topics that are missing; changes none.
    Apply {
        /// Where Kafka is.
        #[command(flatten)]
        kafka: KafkaConfig,
        /// Copies of each partition of a new topic; -1 is the cluster's default.
        #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
        copies: i32,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
    /// Lists the topics, compared with what they must be.
    Ls {
        /// Where Kafka is.
        #[command(flatten)]
        kafka: KafkaConfig,
    },
}

/// About schemas.
#[derive(Debug, clap::Subcommand)]
pub enum SchemasCommand {
    /// Sets the compatibility of every subject, then registers this release's schemas that are missing.
    Apply {
        /// Where the registry is.
        #[command(flatten)]
        kafka: KafkaConfig,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
    /// Lists the subjects, compared with what they must be.
    Ls {
        /// Where the registry is.
        #[command(flatten)]
        kafka: KafkaConfig,
    },
}

/// About keys.
#[derive(Debug, clap::Subcommand)]
pub enum KeysCommand {
    /// Makes a signing key: `jwt.pem` for the command API, `jwks.json` for every service. Overwrites nothing.
    Generate {
        /// The folder for both files.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
    /// Replaces keys by newer ones, without refusing what the older ones were used for.
    #[command(subcommand)]
    Rotate(RotateCommand),
}

/// Which keys.
#[derive(Debug, clap::Subcommand)]
pub enum RotateCommand {
    /// The key that signs access tokens: `jwt.pem` gets a new one, `jwks.json` holds the old one beside it until its
    /// tokens have expired. Processes that read the keys from these files, or from `JWKS_URL`, need no restart; others
    /// must be restarted within ten minutes.
    Jwt {
        /// The folder of both files.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
    /// Wraps every user's key under the newest master key; after that the older ones may leave `VAULT_MASTER_KEY`.
    Master {
        /// Where users' keys are, and what opens them.
        #[command(flatten)]
        vault: VaultConfig,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
}

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

fn projection(name: &str) -> Result<Projection, String> {
    let known = || Projection::ALL.map(Projection::name).join(", ");
    Projection::named(name).ok_or_else(|| format!("no projection is named so; known are {}", known()))
}

fn stream(text: &str) -> Result<StreamId, String> {
    StreamId::parse(text).map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
