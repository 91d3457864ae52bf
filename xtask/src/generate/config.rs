//! The settings of every process, from the types that read them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use runtime::config::{ConfigEntry, describe};

use super::{NOTICE, header, row};

/// A process and its settings.
pub(super) type Process = (&'static str, Vec<ConfigEntry>);

/// Every process that reads its settings from the environment.
pub(super) fn processes() -> Vec<Process> {
    vec![
        ("command-api", describe::<command_api::Config>()),
        ("projector", describe::<projector::Config>()),
        ("query-api", describe::<query_api::Config>()),
        ("notifier", describe::<notifier::Config>()),
        ("steward", describe::<ops::StewardConfig>()),
        ("payment-sandbox", describe::<payments::sandbox::Config>()),
    ]
}

/// A table per process.
pub(super) fn page(processes: &[Process]) -> String {
    let mut page = format!(
        "{NOTICE}\n# Configuration\n\nEvery setting is an environment variable; `NAME_FILE` names a file that holds the \
         value of `NAME`.\nA process says all mistakes at once and exits with 64.\n"
    );
    for (process, entries) in processes {
        let rows = entries.iter().map(|entry| row(&[&format!("`{}`", entry.env), &default(entry), &entry.help]));
        let table = header(&["variable", "default", "meaning"]);
        let _ = write!(page, "\n## {process}\n\n{table}{}", rows.collect::<String>());
    }
    page
}

fn default(entry: &ConfigEntry) -> String {
    match (&entry.default, entry.required) {
        (Some(default), _) => format!("`{default}`"),
        (None, true) => "**required**".to_owned(),
        (None, false) => String::new(),
    }
}

/// Every variable once, with what it is for and who reads it; nothing is set.
pub(super) fn example(processes: &[Process]) -> String {
    let mut readers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut order: Vec<&ConfigEntry> = Vec::new();
    for (process, entry) in processes.iter().flat_map(|(process, entries)| entries.iter().map(move |e| (process, e))) {
        let known = readers.entry(&entry.env).or_default();
        if known.is_empty() {
            order.push(entry);
        }
        known.push(process);
    }
    let mut text = "# Written by `cargo xtask gen`. Copy to `.env` and fill in what has no default.\n".to_owned();
    for entry in order {
        let who = readers.get(entry.env.as_str()).map(|names| names.join(", ")).unwrap_or_default();
        let secret = if entry.secret { " A secret." } else { "" };
        let _ = write!(text, "\n# {} ({who}){secret}\n", entry.help.replace('\n', " "));
        let _ = match &entry.default {
            Some(default) => writeln!(text, "#{}={default}", entry.env),
            None => writeln!(text, "{}=", entry.env),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{ConfigEntry, example, page};

    fn entry(env: &str, default: Option<&str>) -> ConfigEntry {
        let default = default.map(str::to_owned);
        ConfigEntry { env: env.to_owned(), required: default.is_none(), default, help: "Why".to_owned(), secret: false }
    }

    #[test]
    fn a_variable_that_two_processes_read_stands_once_in_the_example() {
        let processes = [
            ("query-api", vec![entry("REDIS_URL", None), entry("HTTP_ADDR", Some("127.0.0.1:1"))]),
            ("projector", vec![entry("REDIS_URL", None)]),
        ];
        let text = example(&processes);
        assert_eq!(text.matches("REDIS_URL").count(), 1);
        assert!(text.contains("# Why (query-api, projector)\nREDIS_URL=\n"));
        assert!(text.contains("#HTTP_ADDR=127.0.0.1:1\n"));
        assert_eq!(page(&processes).matches("`REDIS_URL` | **required** | Why").count(), 2);
    }
}
