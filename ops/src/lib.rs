//! The operators' command line: plans by default, acts with `--execute`.
//!
//! Exit codes: 0 done (or nothing to do), 1 failed, 2 refused because something must not be changed, 3 timed out,
//! 64 wrong usage.

mod answer;
mod audit;
mod cli;
mod ends;
mod error;
mod explain;
mod keys;
mod manual;
mod master;
mod order;
mod parked;
mod passed_over;
mod plan;
mod projections;
mod rebuild;
mod replay;
mod republish;
mod routes;
mod shown;
mod status;
mod steward;
mod streams;
mod subjects;
mod tail;
mod token;
mod topics;
mod user;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use serde_json::json;

pub use cli::Cli;
pub use error::Error;
pub use routes::openapi;
pub use steward::Config as StewardConfig;

use answer::Answer;
use cli::{
    Command, KeysCommand, OrderCommand, Output, ParkedCommand, RotateCommand, SchemasCommand, TopicsCommand,
    UserCommand,
};
use parked::{Operator, Release};
use plan::Plan;

const FAILED: u8 = 1;
const REFUSED: u8 = 2;
const TIMED_OUT: u8 = 3;
const USAGE: u8 = 64;

/// Reads the command line, does what it says, and returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked_for_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Nothing is left to do when even the terminal is gone.
            drop(error.print());
            return if asked_for_help { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    if matches!(cli.command, Command::Steward { .. }) {
        return runtime::start("steward", steward::run);
    }
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match threads {
        Ok(threads) => threads.block_on(within_time(&cli)),
        Err(source) => Err(Error::Threads { source }),
    };
    finish(&cli, outcome)
}

async fn within_time(cli: &Cli) -> Result<Answer, Error> {
    let Some(after) = cli.limit() else { return answer(cli).await };
    match tokio::time::timeout(after, answer(cli)).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(Error::TimedOut { after }),
    }
}

async fn answer(cli: &Cli) -> Result<Answer, Error> {
    let plan = match &cli.command {
        Command::Topics(TopicsCommand::Apply { kafka, copies, execute }) => {
            topics::apply(kafka, *copies, *execute).await
        }
        Command::Topics(TopicsCommand::Ls { kafka }) => topics::list(kafka).await,
        Command::Schemas(SchemasCommand::Apply { kafka, execute }) => subjects::apply(kafka, *execute).await,
        Command::Schemas(SchemasCommand::Ls { kafka }) => subjects::list(kafka).await,
        Command::Keys(KeysCommand::Generate { out, execute }) => keys::generate(out, *execute),
        Command::Keys(KeysCommand::Rotate(RotateCommand::Jwt { out, execute })) => {
            keys::rotate_jwt(out, runtime::clock::now_seconds(), *execute)
        }
        Command::Keys(KeysCommand::Rotate(RotateCommand::Master { vault, execute })) => {
            master::rotate(vault, *execute).await
        }
        Command::Schemas(SchemasCommand::Check { kafka }) => return subjects::check(kafka).await,
        Command::Explain(wish) => return explain::explain(wish).await,
        Command::Order(OrderCommand::Watch { order, redis }) => return order::watch(order, redis, cli.output).await,
        Command::Order(OrderCommand::Place(wish)) => return order::place(wish).await,
        Command::Token(wish) => return token::token(wish).await,
        Command::User(UserCommand::CreateAdmin(wish)) => return user::create_admin(wish).await,
        Command::Audit(wish) => return audit::audit(wish).await,
        Command::Completions { shell } => return Ok(manual::completions(*shell)),
        Command::Man { words } => return manual::man(words),
        Command::Tail(wish) => return tail::tail(wish, cli.output).await,
        Command::Replay(wish) => replay::replay(wish).await,
        Command::Republish(wish) => republish::republish(wish).await,
        Command::Status(wish) => return status::status(wish).await,
        // A process of its own, which `main` has started.
        Command::Steward { .. } => Ok(Plan { executed: false, items: Vec::new() }),
        Command::Parked(command) => about_parked(command).await,
        Command::Projections(command) => projections::run(command).await,
        Command::Rebuild(command) => rebuild::run(command).await,
    };
    plan.map(Answer::from)
}

async fn about_parked(command: &ParkedCommand) -> Result<Plan, Error> {
    match command {
        ParkedCommand::Ls { redis, projection } => parked::list(redis, *projection).await,
        ParkedCommand::Show { stream, of } => parked::show(of, stream).await,
        ParkedCommand::Redrive { stream, all: _, of, mongodb_uri, execute } => {
            let release = Release { reader: of.projection, stream: stream.as_ref(), discard: None };
            let operator = Operator::connect(&of.redis, mongodb_uri).await?;
            operator.release(&release, of.generation, *execute).await
        }
        ParkedCommand::Discard { stream, because, of, mongodb_uri, execute } => {
            let release = Release { reader: of.projection, stream: Some(stream), discard: Some(because) };
            let operator = Operator::connect(&of.redis, mongodb_uri).await?;
            operator.release(&release, of.generation, *execute).await
        }
    }
}

/// Says what was planned or done on standard output, and what went wrong on standard error; programs find that on standard
/// output, too.
fn finish(cli: &Cli, outcome: Result<Answer, Error>) -> ExitCode {
    let Answer { text, json, code } = match outcome {
        Ok(answer) => answer,
        Err(error) => {
            let (sentence, timed_out) = (runtime::chain_in_lines(&error), matches!(error, Error::TimedOut { .. }));
            let _nobody_reads = writeln!(std::io::stderr(), "{sentence}");
            let code = if timed_out { TIMED_OUT } else { FAILED };
            Answer { text: String::new(), json: json!({ "error": sentence, "code": code }).to_string(), code }
        }
    };
    let text = match cli.output {
        Output::Text => text,
        Output::Json => json,
    };
    if !text.is_empty() {
        let _nobody_reads = writeln!(std::io::stdout(), "{text}");
    }
    ExitCode::from(code)
}
