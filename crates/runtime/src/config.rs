//! Configuration: read once, typed, all mistakes reported together.
//!
//! Every setting has an environment variable. `FOO_FILE` names a file that holds the value of `FOO`, for any of them.
//! A variable that is set but empty counts as not set.

mod describe;
mod load;
mod secret;

use std::net::SocketAddr;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

pub use describe::{ConfigEntry, describe};
pub use load::{Rejected, load};
pub use secret::Secret;

use crate::trace::Sampler;

/// A process's settings.
pub trait Config: clap::Parser {
    /// The part that every process has.
    fn runtime(&self) -> &RuntimeConfig;

    /// Adds a sentence for every mistake that involves more than one setting.
    fn check(&self, _problems: &mut Vec<String>) {}
}

/// The settings that every process has.
#[derive(Debug, Clone, clap::Args)]
pub struct RuntimeConfig {
    /// Where health, metrics and version are served; not for the public.
    #[arg(long, env = "ADMIN_ADDR", default_value = "127.0.0.1:9100")]
    pub admin_addr: SocketAddr,
    /// How log lines look.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// Which log lines are written, as `info,bus=debug`.
    #[arg(long, env = "RUST_LOG", default_value = "info", value_parser = filter)]
    pub log_filter: String,
    /// Which one of its kind this process is: stable over restarts, unique among the running ones [default: NAME-1].
    #[arg(long, env = "INSTANCE")]
    pub instance: Option<String>,
    /// Whether known-weak secrets are refused.
    #[arg(long, env = "ENVIRONMENT", value_enum, default_value_t = Environment::Production)]
    pub environment: Environment,
    /// Where traces go.
    #[command(flatten)]
    pub traces: TraceConfig,
}

/// Where traces go, and which.
#[derive(Debug, Clone, clap::Args)]
pub struct TraceConfig {
    /// The OTLP receiver to which spans are sent by HTTP, as `http://collector:4318`; without it none are made.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = endpoint)]
    pub endpoint: Option<String>,
    /// Which traces are recorded.
    #[arg(long, env = "OTEL_TRACES_SAMPLER", value_enum, default_value_t = Sampler::AlwaysOn)]
    pub sampler: Sampler,
    /// The share of traces that `traceidratio` records, from 0 to 1.
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", default_value_t = 1.0, value_parser = ratio)]
    pub ratio: f64,
    /// How long spans are collected before they are sent, in milliseconds.
    #[arg(long, env = "OTEL_BSP_SCHEDULE_DELAY", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub collect_millis: u64,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Pretty,
}

/// Where the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Environment {
    /// On a developer's machine: weak secrets are accepted.
    Dev,
    /// Anywhere else.
    Production,
}

fn endpoint(text: &str) -> Result<String, String> {
    let has_scheme = text.starts_with("http://") || text.starts_with("https://");
    if has_scheme { Ok(text.to_owned()) } else { Err("a URL is needed: http://host:4318".to_owned()) }
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio: f64 = text.parse().map_err(|_| "a number is needed".to_owned())?;
    if (0.0..=1.0).contains(&ratio) { Ok(ratio) } else { Err("a number from 0 to 1 is needed".to_owned()) }
}

fn filter(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    EnvFilter::try_new(text).map(|_| text.to_owned())
}

/// Reads the settings of this very process; on failure says everything that is wrong and returns the exit code.
pub(crate) fn from_environment<C: Config>() -> Result<C, ExitCode> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    let environment = |name: &str| std::env::var_os(name);
    load(std::env::args_os(), &environment).map_err(|rejected| rejected.report())
}
