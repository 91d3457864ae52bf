//! `./dev status`.

use std::borrow::Cow;
use std::process::ExitCode;

use crate::orderflow::{Health, Orderflow, Status};
use crate::{Error, report};

/// How the answer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    /// For people.
    Table,
    /// A list of objects with name, pid, address, health.
    Json,
    /// Addresses and credentials as `NAME=value` lines.
    Env,
}

/// Prints it; exit code 1 when a process is not up, except for `env`.
pub(super) async fn print(system: &Orderflow, output: Output) -> Result<ExitCode, Error> {
    if output == Output::Env {
        report::answer(&environment(system));
        return Ok(ExitCode::SUCCESS);
    }
    let statuses = system.status().await;
    let text = match output {
        Output::Json => serde_json::to_string_pretty(&statuses).unwrap_or_default(),
        Output::Table | Output::Env => table(&statuses),
    };
    report::answer(&text);
    let all_up = statuses.iter().all(|status| status.health == Health::Up);
    Ok(if all_up { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn environment(system: &Orderflow) -> String {
    let (addresses, admin) = (system.addresses(), system.admin());
    [
        ("GATEWAY_URL", &addresses.gateway),
        ("MONGODB_URI", &addresses.mongodb_uri),
        ("KAFKA_BROKERS", &addresses.kafka_brokers),
        ("SCHEMA_REGISTRY_URL", &addresses.schema_registry_url),
        ("REDIS_URL", &addresses.redis_url),
        ("BOOTSTRAP_ADMIN_EMAIL", &admin.email),
        ("BOOTSTRAP_ADMIN_PASSWORD", &admin.password),
    ]
    .map(|(name, value)| format!("{name}={}", word(value)))
    .join("\n")
}

/// The value as a shell reads it: as it is, unless it holds what a shell takes for something else.
fn word(value: &str) -> Cow<'_, str> {
    if value.chars().all(|char| char.is_ascii_alphanumeric() || "-_.,:/@%+=?".contains(char)) {
        return value.into();
    }
    format!("'{}'", value.replace('\'', r"'\''")).into()
}

fn table(statuses: &[Status]) -> String {
    let mut lines = vec![format!("{:<16} {:>8}  {:<8} address", "name", "pid", "health")];
    for Status { name, pid, address, health, reason } in statuses {
        let pid = pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let health = match health {
            Health::Up => "up",
            Health::Unready => "unready",
            Health::Down => "down",
        };
        let reason = reason.as_ref().map(|reason| format!("   {reason}")).unwrap_or_default();
        lines.push(format!("{name:<16} {pid:>8}  {health:<8} {address}{reason}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::word;

    /// Seen to fail when every value is printed as it is: what follows a `&` was lost.
    #[test]
    fn a_shell_gets_every_value_whole() {
        let plain = "mongodb://root:5ecr3t@127.0.0.1:27017/orderflow?authSource=admin";
        assert_eq!(word(plain), plain);
        for value in ["mongodb://a,b/?w=1&replicaSet=rs0", "it's $HOME; `id`", "two words"] {
            let script = format!("V={}; printf %s \"$V\"", word(value));
            let read = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&read.stdout), value);
        }
    }
}
