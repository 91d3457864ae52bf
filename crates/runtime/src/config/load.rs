//! Reads settings from arguments and environment and collects every mistake before giving up.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command};

use super::describe::is_secret;
use super::{Config, Environment, Secret};

/// The exit code for a mistake in the configuration (`EX_USAGE`).
const EXIT_USAGE: u8 = 64;

/// Why there are no settings.
#[derive(Debug)]
pub enum Rejected {
    /// Help or version was asked for, or the arguments make no sense; clap knows how to say it.
    Usage(clap::Error),
    /// Everything that is wrong, a sentence each.
    Problems(Vec<String>),
}

impl Rejected {
    /// Says it on standard error (help: on standard output) and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Usage(error) => {
                // Nothing is left to do when even the terminal is gone.
                drop(error.print());
                if error.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS }
            }
            Self::Problems(problems) => {
                let mut text = format!("{} in the configuration:\n", counted(problems.len()));
                for problem in problems {
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "  - {problem}");
                }
                #[expect(clippy::print_stderr, reason = "there is no log before there is a configuration")]
                {
                    eprint!("{text}");
                }
                ExitCode::from(EXIT_USAGE)
            }
        }
    }
}

fn counted(problems: usize) -> String {
    if problems == 1 { "1 mistake".to_owned() } else { format!("{problems} mistakes") }
}

/// A setting that the environment names, beside the argument that it stands for; no value if that was unreadable.
struct Given {
    arg: Arg,
    env: String,
    value: Option<OsString>,
}

/// Reads settings from these arguments (the first is the program's name) and this environment. Arguments win.
pub fn load<C: Config>(
    args: impl IntoIterator<Item = OsString>,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<C, Rejected> {
    let mut problems = Vec::new();
    let given = gather(&C::command(), environment, &mut problems);
    problems.extend(given.iter().filter_map(mistake));

    let mut args = args.into_iter();
    let mut line: Vec<OsString> = args.next().into_iter().collect();
    line.extend(given.iter().filter_map(Given::argument));
    line.extend(args);
    let command = without_environment(C::command()).args_override_self(true);
    let parsed = command.try_get_matches_from(line).and_then(|matches| Ok((C::from_arg_matches(&matches)?, matches)));
    match parsed {
        Ok((config, matches)) => {
            if config.runtime().environment != Environment::Dev {
                problems.extend(C::command().get_arguments().filter_map(|arg| weak(arg, &matches)));
            }
            config.check(&mut problems);
            if problems.is_empty() { Ok(config) } else { Err(Rejected::Problems(problems)) }
        }
        Err(error) if is_only_missing(&error) || !problems.is_empty() => {
            // Something is to be mended anyway, so the environment alone says what is weak.
            if !given.iter().any(Given::is_dev) {
                problems.extend(given.iter().filter_map(Given::weak));
            }
            problems.extend(missing(&C::command(), &given));
            Err(Rejected::Problems(problems))
        }
        Err(error) => Err(Rejected::Usage(error)),
    }
}

fn is_only_missing(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::MissingRequiredArgument
}

/// Everything that the environment says about this command's settings, files read.
fn gather(command: &Command, environment: &dyn Fn(&str) -> Option<OsString>, problems: &mut Vec<String>) -> Vec<Given> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    let one = |arg: &Arg| {
        let env = arg.get_env()?.to_string_lossy().into_owned();
        let file = format!("{env}_FILE");
        let value = match (set(&env), set(&file)) {
            (None, None) => return None,
            (Some(value), None) => Ok(value),
            (None, Some(path)) => {
                read(&path).map_err(|error| format!("{file}: cannot read {}: {error}", path.display()))
            }
            (Some(_), Some(_)) => Err(format!("{env} and {file} are both set; set one of them")),
        };
        let value = value.map_err(|problem| problems.push(problem)).ok();
        Some(Given { arg: arg.clone(), env, value })
    };
    command.get_arguments().filter_map(one).collect()
}

/// A file's content without the line end that editors add.
fn read(path: &OsStr) -> std::io::Result<OsString> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.trim_end_matches(['\n', '\r']).into())
}

impl Given {
    /// The value as a command-line argument, so that clap parses it as it would the user's own.
    fn argument(&self) -> Option<OsString> {
        let mut argument = OsString::from(format!("--{}=", self.arg.get_long()?));
        argument.push(self.value.as_ref()?);
        Some(argument)
    }

    /// Whether it says that the process runs on a developer's machine.
    fn is_dev(&self) -> bool {
        self.env == "ENVIRONMENT" && self.value.as_deref() == Some(OsStr::new("dev"))
    }

    /// That it is a secret which anyone would guess, if so.
    fn weak(&self) -> Option<String> {
        let secret = Secret::from(self.value.as_ref()?.to_str()?);
        (is_secret(&self.arg) && secret.is_weak()).then(|| too_weak(&self.env))
    }
}

/// That this argument's value is a secret which anyone would guess, if so, wherever it was given.
fn weak(arg: &Arg, matches: &ArgMatches) -> Option<String> {
    let mut secrets = matches.try_get_many::<Secret>(arg.get_id().as_str()).ok()??;
    secrets.any(Secret::is_weak).then(|| too_weak(&name(arg)))
}

fn too_weak(name: &str) -> String {
    format!("{name} is too weak to protect anything; choose a random one, or set ENVIRONMENT=dev on your own machine")
}

/// What is wrong with this one value, judged alone.
fn mistake(given: &Given) -> Option<String> {
    let Given { arg, env, value } = given;
    let value = value.as_ref()?;
    if is_secret(arg) {
        return value.to_str().is_none().then(|| format!("{env} is not UTF-8"));
    }
    let alone = arg.clone().env(Resettable::Reset).required(false);
    let line = [OsString::from("alone")].into_iter().chain(given.argument());
    let error = Command::new("alone").arg(alone).try_get_matches_from(line).err()?;
    Some(format!("{env}={:?}: {}", value.to_string_lossy(), reason(arg, &error)))
}

fn reason(arg: &Arg, error: &clap::Error) -> String {
    let possible: Vec<_> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if !possible.is_empty() {
        return format!("must be one of {}", possible.join(", "));
    }
    std::error::Error::source(error).map_or_else(|| error.kind().to_string(), ToString::to_string)
}

fn without_environment(command: Command) -> Command {
    command.mut_args(|arg| arg.env(Resettable::Reset))
}

/// A sentence for each required setting that nobody gave.
fn missing(command: &Command, given: &[Given]) -> Vec<String> {
    let absent = |arg: &&Arg| arg.is_required_set() && !given.iter().any(|given| given.arg.get_id() == arg.get_id());
    command.get_arguments().filter(absent).map(sentence).collect()
}

fn sentence(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    format!("{} is not set: {help}", name(arg))
}

/// What the setting is called: as its environment variable, if it has one.
fn name(arg: &Arg) -> String {
    arg.get_env().map_or_else(|| arg.get_id().to_string(), |env| env.to_string_lossy().into_owned())
}
