//! Configuration: everything that is wrong is said at once.

use std::ffi::OsString;
use std::io::Write;
use std::net::SocketAddr;

use clap::Parser;
use runtime::config::{ConfigEntry, Rejected, describe, load};
use runtime::http::HttpLimits;
use runtime::{Config, Environment, RuntimeConfig, Secret};

#[derive(Debug, Parser)]
struct Example {
    #[command(flatten)]
    runtime: RuntimeConfig,
    /// Where the routes are served.
    #[arg(long, env = "HTTP_ADDR")]
    http_addr: SocketAddr,
    /// How much of that at once.
    #[command(flatten)]
    limits: HttpLimits,
    /// How many connections.
    #[arg(long, env = "POOL", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pool: u32,
    /// What it does.
    #[arg(long, env = "ROLES", value_delimiter = ',', default_value = "http,relay")]
    roles: Vec<String>,
    /// Signs things.
    #[arg(long, env = "SIGNING_KEY", hide_env_values = true)]
    signing_key: Secret,
    /// Greets someone, maybe.
    #[arg(long, env = "GREETING")]
    greeting: Option<String>,
}

impl Config for Example {
    fn runtime(&self) -> &RuntimeConfig {
        &self.runtime
    }

    fn check(&self, problems: &mut Vec<String>) {
        if self.roles.iter().any(|role| role == "relay") && self.pool < 2 {
            problems.push("POOL must be at least 2 with the role relay".to_owned());
        }
        if self.runtime.admin_addr == self.http_addr {
            problems.push("ADMIN_ADDR and HTTP_ADDR must differ".to_owned());
        }
        self.limits.check(problems);
    }
}

const GOOD: [(&str, &str); 2] = [("HTTP_ADDR", "127.0.0.1:8080"), ("SIGNING_KEY", "correct horse battery staple")];

fn read(args: &[&str], variables: &[(&str, &str)]) -> Result<Example, Rejected> {
    let args = std::iter::once("example").chain(args.iter().copied()).map(OsString::from);
    load(args, &|name| variables.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)))
}

fn problems(variables: &[(&str, &str)]) -> Vec<String> {
    problems_with(&[], variables)
}

fn problems_with(args: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    match read(args, variables) {
        Err(Rejected::Problems(problems)) => problems,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_complete_environment_is_read_with_its_defaults() {
    let config = read(&[], &GOOD).unwrap();
    assert_eq!((config.pool, config.roles.join(" ")), (64, "http relay".to_owned()));
    assert_eq!(config.runtime.environment, Environment::Production);
    assert_eq!((config.greeting, config.runtime.instance), (None, None));
    assert_eq!(config.signing_key.expose(), "correct horse battery staple");
}

#[test]
fn all_mistakes_are_reported_together() {
    let wrong = [
        ("ADMIN_ADDR", "nowhere"),
        ("LOG_FORMAT", "xml"),
        ("RUST_LOG", "bus=loud"),
        ("POOL", "0"),
        ("SIGNING_KEY", "changeme"),
        ("GREETING_FILE", "/does/not/exist"),
    ];
    let problems = problems(&wrong);
    let all = problems.join("\n");
    for name in [
        "ADMIN_ADDR=\"nowhere\"",
        "json, pretty",
        "RUST_LOG",
        "POOL=\"0\"",
        "SIGNING_KEY",
        "GREETING_FILE",
        "HTTP_ADDR is not set",
    ] {
        assert!(all.contains(name), "{name} is missing in:\n{all}");
    }
    assert_eq!(problems.len(), 7, "{all}");
}

#[test]
fn mistakes_between_settings_are_reported_together_too() {
    let wrong = [GOOD[0], GOOD[1], ("ADMIN_ADDR", "127.0.0.1:8080"), ("POOL", "1")];
    assert_eq!(problems(&wrong).len(), 2);
}

#[test]
fn a_setting_can_come_from_a_file_without_its_line_end() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "from a file").unwrap();
    let path = file.path().to_str().unwrap();
    let config = read(&[], &[GOOD[0], ("SIGNING_KEY_FILE", path)]).unwrap();
    assert_eq!(config.signing_key.expose(), "from a file");
    let both = problems(&[GOOD[0], GOOD[1], ("SIGNING_KEY_FILE", path)]);
    assert_eq!(both, ["SIGNING_KEY and SIGNING_KEY_FILE are both set; set one of them"]);
}

#[test]
fn a_known_weak_secret_is_refused_outside_dev_and_never_shown() {
    for weak in ["your_jwt_secret_key", "CHANGEME", "short"] {
        let text = problems(&[GOOD[0], ("SIGNING_KEY", weak)]).join("\n");
        assert!(text.contains("too weak") && !text.contains(weak), "{text}");
        let dev = read(&[], &[GOOD[0], ("SIGNING_KEY", weak), ("ENVIRONMENT", "dev")]).unwrap();
        assert!(!format!("{dev:?}").contains(weak));
    }
}

#[test]
fn a_weak_secret_is_refused_however_it_and_the_place_are_given() {
    let in_dev = [GOOD[0], ("SIGNING_KEY", "secret"), ("ENVIRONMENT", "dev")];
    for problems in [
        problems_with(&["--signing-key=secret"], &GOOD),
        problems_with(&["--environment=production"], &in_dev),
        problems_with(&["--pool=1", "--signing-key=secret"], &GOOD),
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with("SIGNING_KEY is too weak")), "{problems:?}");
    }
    assert!(read(&["--environment=dev", "--signing-key=secret"], &GOOD).is_ok());
    assert!(read(&["--signing-key", GOOD[1].1], &[GOOD[0], ("SIGNING_KEY", "secret")]).is_ok(), "an argument wins");
}

#[test]
fn a_value_under_which_nobody_could_be_served_is_a_mistake_that_names_its_setting() {
    for (name, value) in [
        ("MAX_REQUESTS", "0"),
        ("MAX_CONNECTIONS", "0"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("MAX_REQUESTS_PER_USER", "1025"),
    ] {
        let problems = problems(&[GOOD[0], GOOD[1], (name, value)]);
        assert!(matches!(problems.as_slice(), [only] if only.starts_with(name)), "{name}={value}: {problems:?}");
    }
    let least = [GOOD[0], GOOD[1], ("MAX_REQUESTS", "1"), ("MAX_REQUESTS_PER_USER", "1"), ("MAX_CONNECTIONS", "1")];
    assert_eq!(read(&[], &least).unwrap().limits.max_requests, 1);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let config = read(&[], &[GOOD[0], GOOD[1], ("POOL", ""), ("GREETING", ""), ("GREETING_FILE", "")]).unwrap();
    assert_eq!((config.pool, config.greeting), (64, None));
    assert!(problems(&[GOOD[1], ("HTTP_ADDR", "")])[0].contains("HTTP_ADDR is not set"));
}

#[test]
fn an_argument_wins_over_the_environment() {
    let config = read(&["--pool", "7", "--roles=http"], &[GOOD[0], GOOD[1], ("POOL", "8")]).unwrap();
    assert_eq!(config.pool, 7);
}

#[test]
fn help_and_unknown_arguments_are_left_to_clap() {
    assert!(matches!(read(&["--help"], &GOOD), Err(Rejected::Usage(_))));
    assert!(matches!(read(&["--nonsense"], &GOOD), Err(Rejected::Usage(_))));
}

#[test]
fn settings_are_described_for_the_documentation() {
    let entries = describe::<Example>();
    let find = |env: &str| entries.iter().find(|entry| entry.env == env).unwrap().clone();
    let key = ConfigEntry {
        env: "SIGNING_KEY".to_owned(),
        default: None,
        required: true,
        help: "Signs things".to_owned(),
        secret: true,
    };
    assert_eq!(find("SIGNING_KEY"), key);
    assert_eq!(find("POOL").default.as_deref(), Some("64"));
    assert_eq!(find("ROLES").default.as_deref(), Some("http,relay"));
    assert!(!find("GREETING").required && !find("ADMIN_ADDR").secret);
}
