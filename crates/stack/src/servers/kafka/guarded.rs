//! Kafka with a second listener, at which clients have names and may do what `deploy/kafka-acls.txt` says. The first one
//! stays open, for whoever starts and prepares the broker.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::{KafkaKind, Listener};
use crate::program::Program;
use crate::servers::Kind;
use crate::{Error, folders, install};

/// Who may do what.
const GRANTS: &str = "deploy/kafka-acls.txt";

/// What asks for names, and what looks them up in the grants. Whoever comes by the open listener is anonymous.
const SETTINGS: &str = "sasl.enabled.mechanisms=PLAIN
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
";

/// Kafka that lets nobody in without a name and a password, at its last port.
#[derive(Debug)]
pub enum GuardedKafkaKind {}

impl Kind for GuardedKafkaKind {
    const NAME: &'static str = KafkaKind::NAME;
    const PORTS: usize = KafkaKind::PORTS + 1;

    fn program(folder: &Path, ports: &[u16]) -> Result<Program, Error> {
        let program = KafkaKind::program(folder, ports)?;
        let port = ports.last().copied().unwrap_or_default();
        let listener = Listener { name: "USERS", protocol: "SASL_PLAINTEXT", listens: port, advertised: port };
        let path = folder.join("server.properties");
        let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let grants = folders::repository().join(GRANTS);
        let grants = std::fs::read_to_string(&grants).map_err(Error::file("read", &grants))?;
        let text = format!("{}{SETTINGS}{}", listener.added_to(&text), passwords(&grants));
        std::fs::write(&path, text).map_err(Error::file("write", &path))?;
        Ok(program)
    }
}

/// Everybody whom the grants name is known; here all have the password `secret`.
fn passwords(grants: &str) -> String {
    let users: BTreeSet<_> = grants.split_whitespace().filter_map(|word| word.strip_prefix("User:")).collect();
    let users: String = users.iter().map(|user| format!(" user_{user}=\"secret\"")).collect();
    let module = "org.apache.kafka.common.security.plain.PlainLoginModule";
    format!("listener.name.users.plain.sasl.jaas.config={module} required{users};\n")
}

/// Gives the broker at this address the grants of the file.
pub(crate) fn grant(brokers: &str) -> Result<(), Error> {
    let (jars, repository) = (install::kafka()?.join("*"), folders::repository());
    let mut java = Command::new("java");
    java.args(["-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]).arg(jars);
    java.arg(repository.join("crates/stack/src/servers/kafka/Acls.java")).arg(brokers);
    install::run(java.arg(repository.join(GRANTS))).map(drop)
}
