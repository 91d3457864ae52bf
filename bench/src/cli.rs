//! The command line.

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use crate::case::Case;
use crate::machine::Machine;
use crate::plan::Plan;
use crate::report;
use crate::rival::Kind;
use crate::world::World;
use crate::{
    append, codec, fan_out, flash_sale, growth, journey, naive, query, rebuild, recovery, relay, replay, table,
};

/// Measures each stage against what the servers under it allow.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Measure(Measure),
    /// Writes the table of a run into the documentation.
    Table {
        /// The run's lines.
        lines: PathBuf,
        /// Where the table stands, between its marks.
        #[arg(long, default_value = "docs/benchmarks.md")]
        into: PathBuf,
    },
    /// What we are compared with; started by the benchmarks.
    #[command(hide = true)]
    Rival {
        #[command(subcommand)]
        kind: Kind,
    },
}

#[derive(Debug, Subcommand)]
enum Measure {
    /// Every benchmark, one after the other.
    All(How),
    /// Commands until they are durable.
    #[command(name = "B1")]
    Append(How),
    /// From the outbox to Kafka.
    #[command(name = "B2")]
    Relay(How),
    /// From Kafka to the views.
    #[command(name = "B3")]
    Replay(How),
    /// One order, read.
    #[command(name = "B4")]
    Query(How),
    /// Frames to many sockets.
    #[command(name = "B5")]
    FanOut(How),
    /// From a command to its frame.
    #[command(name = "B6")]
    Journey(How),
    /// A projection, filled anew.
    #[command(name = "B7")]
    Rebuild(How),
    /// Each process is killed.
    #[command(name = "B8")]
    Recovery(How),
    /// Events to bytes and back.
    #[command(name = "B9")]
    Codec(How),
    /// The same pipeline, written the obvious way.
    Naive(How),
    /// Everybody wants the same thing.
    Flash(How),
    /// What grows with what is stored; `all` leaves it out.
    Growth(How),
}

#[derive(Debug, Clone, clap::Args)]
struct How {
    /// Only see whether everything works.
    #[arg(long)]
    short: bool,
    /// What the reader of the table should know of how this was built.
    #[arg(long, default_value = "release, thin LTO")]
    build: String,
    /// Where the lines go.
    #[arg(long, default_value = "bench/results")]
    results: PathBuf,
}

/// One benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Benchmark {
    /// B1.
    Append,
    /// B2.
    Relay,
    /// B3.
    Replay,
    /// B4.
    Query,
    /// B5.
    FanOut,
    /// B6.
    Journey,
    /// B7.
    Rebuild,
    /// B8.
    Recovery,
    /// B9.
    Codec,
    /// The obvious way.
    Naive,
    /// Everybody wants the same thing.
    Flash,
    /// What grows with what is stored.
    Growth,
}

impl Benchmark {
    /// All but [`Self::Growth`], in an order in which none leaves much work behind for the next: who carries orders out
    /// comes before those that place more than anybody carries out.
    pub const ALL: [Self; 11] = [
        Self::Codec,
        Self::Flash,
        Self::Query,
        Self::FanOut,
        Self::Journey,
        Self::Recovery,
        Self::Append,
        Self::Replay,
        Self::Rebuild,
        Self::Relay,
        Self::Naive,
    ];
}

/// Runs one benchmark.
pub async fn run(benchmark: Benchmark, world: &World, plan: &Plan) -> Vec<Case> {
    match benchmark {
        Benchmark::Append => append::run(world, plan).await,
        Benchmark::Relay => relay::run(world, plan).await,
        Benchmark::Replay => replay::run(world, plan).await,
        Benchmark::Query => query::run(world, plan).await,
        Benchmark::FanOut => Box::pin(fan_out::run(world, plan)).await,
        Benchmark::Journey => Box::pin(journey::run(world, plan)).await,
        Benchmark::Rebuild => Box::pin(rebuild::run(world, plan)).await,
        Benchmark::Recovery => Box::pin(recovery::run(world, plan)).await,
        Benchmark::Codec => codec::run(plan),
        Benchmark::Naive => naive::run(world, plan).await,
        Benchmark::Flash => flash_sale::run(world, plan).await,
        Benchmark::Growth => Box::pin(growth::run(world, plan)).await,
    }
}

impl Measure {
    fn read(self) -> (Vec<Benchmark>, How) {
        match self {
            Self::All(how) => (Benchmark::ALL.to_vec(), how),
            Self::Append(how) => (vec![Benchmark::Append], how),
            Self::Relay(how) => (vec![Benchmark::Relay], how),
            Self::Replay(how) => (vec![Benchmark::Replay], how),
            Self::Query(how) => (vec![Benchmark::Query], how),
            Self::FanOut(how) => (vec![Benchmark::FanOut], how),
            Self::Journey(how) => (vec![Benchmark::Journey], how),
            Self::Rebuild(how) => (vec![Benchmark::Rebuild], how),
            Self::Recovery(how) => (vec![Benchmark::Recovery], how),
            Self::Codec(how) => (vec![Benchmark::Codec], how),
            Self::Naive(how) => (vec![Benchmark::Naive], how),
            Self::Flash(how) => (vec![Benchmark::Flash], how),
            Self::Growth(how) => (vec![Benchmark::Growth], how),
        }
    }
}

/// Does what the command line says.
pub async fn main() {
    match Arguments::parse().command {
        Command::Measure(wanted) => Box::pin(measure(wanted)).await,
        Command::Table { lines, into } => table::write(&lines, &into),
        Command::Rival { kind } => kind.serve().await,
    }
}

async fn measure(wanted: Measure) {
    let (benchmarks, How { short, build, results }) = wanted.read();
    let plan = if short { Plan::SHORT } else { Plan::FULL };
    let machine = Machine::here(&build);
    let lines = report::Lines::create(&results, &machine);
    let needs_world = benchmarks.iter().any(|benchmark| *benchmark != Benchmark::Codec);
    if !needs_world {
        report::tell(&lines, &codec::run(&plan));
        return finish(lines.path());
    }
    report::say("starting the servers and our processes");
    let world = World::up().await;
    for benchmark in benchmarks {
        let cases = Box::pin(run(benchmark, &world, &plan)).await;
        report::tell(&lines, &cases);
    }
    finish(lines.path());
}

fn finish(lines: &Path) {
    report::say(&format!("written to {}", lines.display()));
}
