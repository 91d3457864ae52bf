//! Everything that a command asks is away: each of them ends, and says what is missing, to people and to programs.

use std::collections::BTreeSet;

use clap::CommandFactory as _;
use futures::future::join_all;
use serde_json::Value;
use tokio::process::Command;

const ORDER: &str = "ord_00000000000000000000000001";
/// Every command that asks somebody, with what it cannot do without.
const ASKING: [&str; 25] = [
    "topics apply --execute",
    "topics ls",
    "tail orders",
    "replay orders --to copies",
    "schemas apply --execute",
    "schemas ls",
    "schemas check",
    "keys rotate master",
    "projections ls",
    "projections switch orders --execute",
    "projections rollback orders --execute",
    "projections drop orders 2 --execute",
    "projections pause orders --execute",
    "rebuild orders --execute",
    "parked ls",
    "parked show ORDER --projection orders",
    "parked redrive ORDER --projection orders --execute",
    "parked discard ORDER --because wrong --projection orders --execute",
    "explain ORDER",
    "audit orders",
    "order place --user usr_a --item lamp=1 --execute",
    "order watch ORDER",
    "token --user usr_a --keys /nowhere",
    "user create-admin --email ada@example.com --execute",
    "republish --stream ORDER",
];
/// What tells of everything how it is, also that it is away; what needs nobody; and the process.
const OTHERS: [&str; 6] = ["status", "keys generate", "keys rotate jwt", "completions", "man", "steward"];

#[tokio::test]
async fn a_command_that_reaches_nobody_ends_and_says_so_and_programs_read_the_same() {
    join_all(ASKING.map(async |line| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
        command.args(line.replace("ORDER", ORDER).split(' ')).args(["--output", "json", "--timeout", "3"]).env_clear();
        for (name, value) in [
            ("MONGODB_URI", "mongodb://127.0.0.1:1/orderflow?serverSelectionTimeoutMS=500"),
            ("VAULT_MONGODB_URI", "mongodb://127.0.0.1:1/vault?serverSelectionTimeoutMS=500"),
            ("VAULT_MASTER_KEY", "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            ("EMAIL_KEY", "a key that nobody else has, of course"),
            ("KAFKA_BROKERS", "127.0.0.1:1"),
            ("SCHEMA_REGISTRY_URL", "http://127.0.0.1:1"),
            ("REDIS_URL", "redis://127.0.0.1:1"),
            ("GATEWAY_URL", "http://127.0.0.1:1"),
            ("ACCESS_TOKEN", "a token"),
        ] {
            command.env(name, value);
        }
        let output = command.output().await.unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let code = output.status.code().unwrap();
        assert!(matches!(code, 1 | 3), "{line}: {output:?}");
        assert_eq!(answer["code"], code, "{line}: {output:?}");
        let said = answer["error"].as_str().unwrap_or_default();
        assert_eq!(said, String::from_utf8_lossy(&output.stderr).trim_end(), "{line}");
        assert!(said.len() > 20, "{line}: {said}");
    }))
    .await;
}

#[test]
fn no_command_is_left_out() {
    fn leaves(name: &str, command: &clap::Command) -> Vec<String> {
        let below = command.get_subcommands().filter(|below| below.get_name() != "help");
        let below: Vec<_> = below.flat_map(|one| leaves(&format!("{name} {}", one.get_name()), one)).collect();
        if below.is_empty() { vec![name.trim_start().to_owned()] } else { below }
    }
    let known = leaves("", &ops::Cli::command());
    let listed = |line: &&str| known.iter().find(|name| **line == **name || line.starts_with(&format!("{name} ")));
    let listed: BTreeSet<_> = ASKING.iter().chain(&OTHERS).filter_map(listed).collect();
    assert_eq!(listed, known.iter().collect());
}
