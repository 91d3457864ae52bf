//! What can be asked for.

use std::path::PathBuf;
use std::time::Duration;

use bus::KafkaConfig;
use vault::VaultConfig;

/// Plans by default; `--execute` acts.
#[derive(Debug, clap::Parser)]
#[command(name = "ops", version)]
pub struct Cli {
    /// How the answer looks.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Seconds after which to give up.
    #[arg(long, global = true, default_value = "60", value_parser = seconds)]
    pub timeout: Duration,
    /// About what.
    #[command(subcommand)]
    pub command: Command,
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
