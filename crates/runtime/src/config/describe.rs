//! The settings of a process as data, from which documentation and `.env.example` are made.

use std::any::TypeId;

use clap::{Arg, Command};

use super::{Config, Secret};

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its environment variable.
    pub env: String,
    /// Its value when it is not set.
    pub default: Option<String>,
    /// Whether the process refuses to start without it.
    pub required: bool,
    /// What it is for; the first line of its documentation.
    pub help: String,
    /// Whether it must not be shown.
    pub secret: bool,
}

/// Every setting of a process, in the order of declaration.
#[must_use]
pub fn describe<C: Config>() -> Vec<ConfigEntry> {
    entries(&C::command())
}

pub(super) fn entries(command: &Command) -> Vec<ConfigEntry> {
    command.get_arguments().filter_map(entry).collect()
}

pub(super) fn is_secret(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<Secret>()
}

fn entry(arg: &Arg) -> Option<ConfigEntry> {
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    Some(ConfigEntry {
        env: arg.get_env()?.to_string_lossy().into_owned(),
        default: (!defaults.is_empty()).then(|| defaults.join(",")),
        required: arg.is_required_set(),
        help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
        secret: is_secret(arg),
    })
}
