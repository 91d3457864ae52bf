//! The command line as its readers find it.

use std::time::Duration;

use clap::{Arg, Command, CommandFactory as _, Parser as _};

use super::{Aggregate, Cli, LIMIT, aggregate};

/// The commands that change something; all others only look.
const ACTING: [&str; 17] = [
    "ops topics apply",
    "ops schemas apply",
    "ops keys generate",
    "ops keys rotate jwt",
    "ops keys rotate master",
    "ops projections switch",
    "ops projections rollback",
    "ops projections drop",
    "ops projections pause",
    "ops rebuild",
    "ops replay",
    "ops parked redrive",
    "ops parked discard",
    "ops republish",
    "ops audit",
    "ops user create-admin",
    "ops order place",
];

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn aggregates_are_named_as_their_topics_begin() {
    assert_eq!(
        Aggregate::ALL.map(Aggregate::plural),
        ["orders", "products", "stock", "payments", "users", "fulfilment"]
    );
    for one in Aggregate::ALL {
        assert_eq!(aggregate(one.plural()), Ok(one));
    }
    assert!(aggregate("order").is_err());
}

/// Every command under all of its words.
fn commands() -> Vec<(String, Command)> {
    fn walk(name: String, command: &Command, found: &mut Vec<(String, Command)>) {
        let below: Vec<_> = command.get_subcommands().filter(|below| below.get_name() != "help").collect();
        for below in &below {
            walk(format!("{name} {}", below.get_name()), below, found);
        }
        found.push((name, command.clone()));
    }
    let mut found = Vec::new();
    walk("ops".to_owned(), &Cli::command(), &mut found);
    found
}

#[test]
fn every_command_and_option_says_what_it_is_in_a_sentence() {
    for (name, command) in commands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(about.len() > 15 && about.starts_with(char::is_uppercase), "{name}: {about:?}");
        for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
            let help = option.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.len() > 5 && help.starts_with(char::is_uppercase), "{name} {}: {help:?}", option.get_id());
        }
    }
}

#[test]
fn whatever_changes_something_acts_by_execute_only_and_nothing_else_knows_the_word() {
    let executes = |option: &Arg| option.get_long() == Some("execute");
    let found = commands().into_iter().filter(|(_, command)| command.get_arguments().any(executes));
    let mut found: Vec<_> = found.map(|(name, _)| name).collect();
    let mut acting: Vec<_> = ACTING.iter().map(|name| (*name).to_owned()).collect();
    found.sort();
    acting.sort();
    assert_eq!(found, acting);
}

/// After how long a command gives up.
fn limit(line: &str) -> Result<Option<Duration>, String> {
    let cli = Cli::try_parse_from(["ops"].into_iter().chain(line.split(' ')));
    cli.map(|cli| cli.limit()).map_err(|error| error.to_string())
}

#[test]
fn what_goes_over_everything_is_cut_off_only_if_that_is_asked_for() {
    for (line, planned) in [
        ("replay orders --group theirs --kafka-brokers k:9092 --schema-registry-url http://r", Some(LIMIT)),
        ("republish --all --mongodb-uri mongodb://m/orderflow", Some(LIMIT)),
        ("republish --aggregate orders --mongodb-uri mongodb://m/orderflow", Some(LIMIT)),
        ("rebuild orders --kafka-brokers k:9092 --schema-registry-url http://r", None),
        ("rebuild orders --verify --kafka-brokers k:9092 --schema-registry-url http://r", None),
        ("projections switch orders", None),
        ("projections drop orders 1", None),
    ] {
        assert_eq!(limit(line), Ok(planned), "{line}");
        assert_eq!(limit(&format!("{line} --execute")), Ok(None), "{line}");
        for line in [format!("{line} --timeout 5"), format!("{line} --execute --timeout 5")] {
            assert_eq!(limit(&line), Ok(Some(Duration::from_secs(5))), "{line}");
        }
    }
    for line in [
        "republish --stream ord_1 --mongodb-uri mongodb://m/orderflow --execute",
        "projections rollback orders 1 --execute",
        "projections pause orders --execute",
    ] {
        assert_eq!(limit(line), Ok(Some(LIMIT)), "{line}");
    }
}
