//! The settings of every process, from the types that read them.

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

/// Every variable, with what it is for and who reads it; nothing is set. One that means something else to another process,
/// or has another default there, is said again, and stands again with each default.
pub(super) fn example(processes: &[Process]) -> String {
    let mut variables: Vec<(&ConfigEntry, Vec<&str>)> = Vec::new();
    for (process, entry) in processes.iter().flat_map(|(process, entries)| entries.iter().map(move |e| (process, e))) {
        let is_same = |known: &ConfigEntry| known.env == entry.env && said(known) == said(entry);
        if let Some((_, readers)) = variables.iter_mut().find(|(known, _)| is_same(known)) {
            readers.push(process);
            continue;
        }
        let others = variables.iter().rposition(|(known, _)| known.env == entry.env);
        variables.insert(others.map_or(variables.len(), |last| last + 1), (entry, vec![process]));
    }
    let mut text = "# Written by `cargo xtask gen`: every setting of every process. Export what you need; optional ones may stay\n\
                    # empty, which counts as not set. `NAME_FILE` names a file with the value of `NAME`; set one of the two.\n\
                    # `docker compose` alone reads a `.env`, and only what docker-compose.yml names.\n"
        .to_owned();
    let mut before: Option<&ConfigEntry> = None;
    for (index, (entry, readers)) in variables.iter().enumerate() {
        let begins = if before.is_some_and(|before| before.env == entry.env) { "" } else { "\n" };
        let secret = if entry.secret { " A secret." } else { "" };
        let _ = writeln!(text, "{begins}# {} ({}){secret}", entry.help.replace('\n', " "), readers.join(", "));
        let next = variables.get(index + 1).map(|(next, _)| (&next.env, &next.default));
        if next != Some((&entry.env, &entry.default)) {
            let _ = match &entry.default {
                Some(default) => writeln!(text, "#{}={default}", entry.env),
                None => writeln!(text, "{}=", entry.env),
            };
        }
        before = Some(entry);
    }
    text
}

/// What is said of a setting besides its name.
fn said(entry: &ConfigEntry) -> (&str, Option<&str>) {
    (&entry.help, entry.default.as_deref())
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

    #[test]
    fn a_variable_that_has_another_default_elsewhere_stands_with_each() {
        let processes = [
            ("query-api", vec![entry("HTTP_ADDR", Some("127.0.0.1:1")), entry("PROXIES", Some("1"))]),
            ("notifier", vec![entry("HTTP_ADDR", Some("127.0.0.1:2")), entry("PROXIES", Some("1"))]),
        ];
        let addresses = "# Why (query-api)\n#HTTP_ADDR=127.0.0.1:1\n# Why (notifier)\n#HTTP_ADDR=127.0.0.1:2\n\n";
        let proxies = "# Why (query-api, notifier)\n#PROXIES=1\n";
        assert!(example(&processes).ends_with(&format!("{addresses}{proxies}")), "{}", example(&processes));
    }

    #[test]
    fn a_variable_that_means_something_else_elsewhere_is_said_twice_and_stands_once() {
        let other = ConfigEntry { help: "What for".to_owned(), ..entry("MONGODB_URI", None) };
        let text = example(&[("command-api", vec![entry("MONGODB_URI", None)]), ("steward", vec![other])]);
        assert!(text.ends_with("\n\n# Why (command-api)\n# What for (steward)\nMONGODB_URI=\n"), "{text}");
    }
}
