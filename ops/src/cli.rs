//! What can be asked for.

mod explain;
mod generations;
mod keys;
mod logs;
mod order;
mod people;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bus::KafkaConfig;
use read_model::RedisConfig;
use runtime::Secret;
use schemas::{Aggregate, StreamId, Timestamp};
use views::Projection;

pub(crate) use explain::{AuditCommand, ExplainCommand};
pub(crate) use generations::{ProjectionsCommand, RebuildCommand};
pub(crate) use keys::{KeysCommand, RotateCommand};
pub(crate) use logs::{ReplayCommand, TailCommand};
pub(crate) use order::{OrderCommand, PlaceCommand};
pub(crate) use people::{CreateAdminCommand, TokenCommand, UserCommand};

/// How long a command may take that says nothing else.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Plans by default; `--execute` acts.
#[derive(Debug, clap::Parser)]
#[command(name = "ops", version)]
pub struct Cli {
    /// How the answer looks.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Seconds after which to give up; 60, but without an end for what is watched or read, or goes over everything.
    #[arg(long, global = true, value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// About what.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// After how long to give up; `None` is never.
    pub(crate) fn limit(&self) -> Option<Duration> {
        let takes_its_time = match &self.command {
            Command::Replay(replay) => replay.execute,
            // What is cut off begins with the first stream again, and would never come to the last one.
            Command::Republish(republish) => republish.execute && republish.which.stream.is_none(),
            // Of most, even the plan goes over everything.
            Command::Rebuild(_)
            | Command::Projections(ProjectionsCommand::Switch { .. } | ProjectionsCommand::Drop { .. })
            | Command::Tail(_)
            | Command::Audit(_)
            | Command::Order(OrderCommand::Watch { .. }) => true,
            Command::Topics(_)
            | Command::Schemas(_)
            | Command::Keys(_)
            | Command::Projections(
                ProjectionsCommand::Ls { .. } | ProjectionsCommand::Rollback { .. } | ProjectionsCommand::Pause { .. },
            )
            | Command::Parked(_)
            | Command::Status(_)
            | Command::Explain(_)
            | Command::Token(_)
            | Command::User(_)
            | Command::Order(OrderCommand::Place(_))
            | Command::Completions { .. }
            | Command::Man { .. }
            | Command::Steward { .. } => false,
        };
        self.timeout.or((!takes_its_time).then_some(LIMIT))
    }
}

/// How the answer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON object; `ops tail` writes one per event, a line each.
    Json,
}

/// About what.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Kafka topics, one per aggregate.
    #[command(subcommand)]
    Topics(TopicsCommand),
    /// Shows the events in a topic, decoded, one line each, oldest first within a partition. Ends at the log's end.
    Tail(TailCommand),
    /// Has a topic, or a part of it, read again by whoever asks for it: from copies in another topic, or by a group that is at
    /// rest. Nobody else notices, and no event is published.
    Replay(ReplayCommand),
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
    /// Streams that wait, because an event of theirs could not be decoded or applied; all others go on.
    #[command(subcommand)]
    Parked(ParkedCommand),
    /// Says how far everything is; exit code 1 when something needs attention.
    Status(StatusCommand),
    /// Tells how an order came to where it is: what caused what, how long it took, and how far the views show it. Of the
    /// pieces it tells what the order's fulfilment recorded.
    Explain(ExplainCommand),
    /// Holds every document that readers see, and its places in lists, against the fold of MongoDB's events; exit code 1 on
    /// a difference. What is only on its way is none. `--repair` has what differs made anew by its projector.
    Audit(AuditCommand),
    /// One order: placed, or watched as it goes on.
    #[command(subcommand)]
    Order(OrderCommand),
    /// Prints an access token in a user's name, good for 15 minutes, unless the user's log-ins are ended before. It is signed
    /// with the key that the command API signs with: whoever may read that key may be anybody, so keep it from all who have
    /// no need to, and have them log in instead.
    Token(TokenCommand),
    /// Users that nobody who is logged in can make.
    #[command(subcommand)]
    User(UserCommand),
    /// Has relays publish committed events again, for readers that a log lost them for; whoever has them skips them.
    Republish(RepublishCommand),
    /// Prints the script that has a shell complete these commands: `source <(ops completions bash)`.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// Prints the manual page of a command: `ops man projections switch | man -l -`.
    Man {
        /// The command's words; without any, the page of the whole.
        #[arg(value_name = "COMMAND")]
        words: Vec<String>,
    },
    /// Looks after the whole until it is asked to end: heals gaps, reconciles the views with the committed events, fills
    /// lost topics. A process like the services; `ops steward --help` lists its settings.
    #[command(disable_help_flag = true)]
    Steward {
        /// Its settings, which it reads by itself.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        settings: Vec<String>,
    },
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
    /// Holds every registered version against this release, without asking the registry for its opinion; exit code 1 on a
    /// difference. Run it before a release.
    Check {
        /// Where the registry is.
        #[command(flatten)]
        kafka: KafkaConfig,
    },
}

/// Where to look.
#[derive(Debug, clap::Args)]
pub struct StatusCommand {
    /// Where the events are committed.
    #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
    pub mongodb_uri: Secret,
    /// Where they are published.
    #[command(flatten)]
    pub kafka: KafkaConfig,
    /// Where they are shown.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// Where the gateway is, which tells how the processes are; if it is left out, nobody is asked.
    #[arg(long, env = "GATEWAY_URL")]
    pub gateway: Option<String>,
}

/// What to publish again.
#[derive(Debug, clap::Args)]
pub struct RepublishCommand {
    /// Which events.
    #[command(flatten)]
    pub which: Which,
    /// The first version of the stream that is published again.
    #[arg(long, conflicts_with_all = ["aggregate", "all"], default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub from: u32,
    /// Only what was committed at this instant or later, as 2024-05-01T12:00:00Z.
    #[arg(long, conflicts_with = "stream", value_parser = instant)]
    pub since: Option<Timestamp>,
    /// Only what was committed before this instant.
    #[arg(long, conflicts_with = "stream", value_parser = instant)]
    pub until: Option<Timestamp>,
    /// Where the events are committed.
    #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
    pub mongodb_uri: Secret,
    /// Act instead of only saying what would be done.
    #[arg(long)]
    pub execute: bool,
}

/// Which events.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Those of one stream: at once, before anything newer of its lane.
    #[arg(long, value_parser = stream)]
    pub stream: Option<StreamId>,
    /// Those of all streams of an aggregate (orders, products, stock, payments, users, fulfilment): behind whatever is new,
    /// at a limited rate.
    #[arg(long, value_parser = aggregate)]
    pub aggregate: Option<Aggregate>,
    /// Those of all streams, in the same way.
    #[arg(long)]
    pub all: bool,
}

/// About parked streams.
#[derive(Debug, clap::Subcommand)]
pub enum ParkedCommand {
    /// Lists them with the reasons, and what was discarded.
    Ls {
        /// Where the views are.
        #[command(flatten)]
        redis: RedisConfig,
        /// Only those of this projection, or of the `feeds`.
        #[arg(long, value_parser = reader)]
        projection: Option<Reader>,
    },
    /// Tells everything that is known of one.
    Show {
        /// The stream's id.
        #[arg(value_parser = stream)]
        stream: StreamId,
        /// Where it is parked.
        #[command(flatten)]
        of: OfProjection,
    },
    /// Lets it go on, once its cause is gone: it is published again from the version after the one that is shown.
    Redrive {
        /// The stream's id.
        #[arg(value_parser = stream, required_unless_present = "all")]
        stream: Option<StreamId>,
        /// Every stream that is parked there.
        #[arg(long, conflicts_with = "stream")]
        all: bool,
        /// Where it is parked.
        #[command(flatten)]
        of: OfProjection,
        /// Where the events are committed.
        #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
        mongodb_uri: Secret,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
    /// Lets it go on without the record that parked it, which is never applied to this view then. Its version counts as
    /// applied if the store has that event.
    Discard {
        /// The stream's id.
        #[arg(value_parser = stream)]
        stream: StreamId,
        /// Why; it is kept, and listed.
        #[arg(long, value_name = "REASON")]
        because: String,
        /// Where it is parked.
        #[command(flatten)]
        of: OfProjection,
        /// Where the events are committed.
        #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
        mongodb_uri: Secret,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
}

/// One filling of one projection, or the feeds.
#[derive(Debug, clap::Args)]
pub struct OfProjection {
    /// Where the views and feeds are.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// The projection, or `feeds`.
    #[arg(long, value_parser = reader)]
    pub projection: Reader,
    /// The projection's generation, if not the one that answers come from.
    #[arg(long)]
    pub generation: Option<u32>,
}

/// What reads streams, and may have parked some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A projection.
    Views(Projection),
    /// The users' feeds.
    Feeds,
}

impl Reader {
    /// Every one.
    pub(crate) fn all() -> Vec<Self> {
        Projection::ALL.into_iter().map(Self::Views).chain([Self::Feeds]).collect()
    }

    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|reader| reader.name() == name)
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Views(projection) => projection.name(),
            Self::Feeds => "feeds",
        }
    }
}

fn reader(name: &str) -> Result<Reader, String> {
    let names = || Reader::all().into_iter().map(Reader::name).collect::<Vec<_>>().join(", ");
    Reader::named(name).ok_or_else(|| format!("there are {}", names()))
}

fn stream(text: &str) -> Result<StreamId, schemas::InvalidId> {
    StreamId::parse(text)
}

fn instant(text: &str) -> Result<Timestamp, schemas::InvalidTimestamp> {
    Timestamp::parse(text)
}

/// An aggregate by the first word of its topic.
fn aggregate(text: &str) -> Result<Aggregate, String> {
    Aggregate::of_plural(text).ok_or_else(|| format!("there are {}", Aggregate::ALL.map(Aggregate::plural).join(", ")))
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}
