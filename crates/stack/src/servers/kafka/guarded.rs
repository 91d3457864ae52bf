//! Kafka with two more listeners, at which clients have names and may do what `deploy/kafka-acls.txt` says: one in clear,
//! and one by TLS. The first one stays open, for whoever starts and prepares the broker.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::{KafkaKind, Listener};
use crate::program::Program;
use crate::servers::Kind;
use crate::{Error, folders, install};

/// Who may do what.
const GRANTS: &str = "deploy/kafka-acls.txt";

/// Everybody's password, and that of the keystore.
const PASSWORD: &str = "secret";
/// The broker's key and certificate.
const KEYSTORE: &str = "broker.p12";
/// The certificate alone, for whoever is to trust it.
const CERTIFICATE: &str = "broker.pem";

/// What asks for names, and what looks them up in the grants. Whoever comes by the open listener is anonymous.
const SETTINGS: &str = "listener.name.users.sasl.enabled.mechanisms=PLAIN
listener.name.tls.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.tls.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
";

/// Kafka that lets nobody in without a name and a password at its last two ports: in clear, and by TLS.
#[derive(Debug)]
pub enum GuardedKafkaKind {}

impl Kind for GuardedKafkaKind {
    const NAME: &'static str = KafkaKind::NAME;
    const PORTS: usize = KafkaKind::PORTS + 2;

    fn program(folder: &Path, ports: &[u16]) -> Result<Program, Error> {
        let program = KafkaKind::program(folder, ports)?;
        let port = |users: Users| ports.get(users.port()).copied().unwrap_or_default();
        let (clear, tls) = (port(Users::InClear), port(Users::ByTls));
        let clear = Listener { name: "USERS", protocol: "SASL_PLAINTEXT", listens: clear, advertised: clear };
        let tls = Listener { name: "TLS", protocol: "SASL_SSL", listens: tls, advertised: tls };
        let path = folder.join("server.properties");
        let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let grants = folders::repository().join(GRANTS);
        let grants = std::fs::read_to_string(&grants).map_err(Error::file("read", &grants))?;
        let listeners = tls.added_to(&clear.added_to(&text));
        let text = format!("{listeners}{SETTINGS}{}{}", passwords(&grants), certified(folder)?);
        std::fs::write(&path, text).map_err(Error::file("write", &path))?;
        Ok(program)
    }
}

/// The ways in for those who have a name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Users {
    /// By the mechanism PLAIN.
    InClear,
    /// By SCRAM-SHA-512.
    ByTls,
}

impl Users {
    /// Which of the broker's ports it is.
    pub(crate) const fn port(self) -> usize {
        match self {
            Self::InClear => KafkaKind::PORTS,
            Self::ByTls => KafkaKind::PORTS + 1,
        }
    }
}

/// Everybody whom the grants name is known at the listener in clear; SCRAM's users come with the grants.
fn passwords(grants: &str) -> String {
    let users: BTreeSet<_> = grants.split_whitespace().filter_map(|word| word.strip_prefix("User:")).collect();
    let users: String = users.iter().map(|user| format!(" user_{user}=\"{PASSWORD}\"")).collect();
    let module = "org.apache.kafka.common.security.plain.PlainLoginModule";
    format!("listener.name.users.plain.sasl.jaas.config={module} required{users};\n")
}

/// Makes a certificate that vouches for itself, and says where the broker finds it.
fn certified(folder: &Path) -> Result<String, Error> {
    let (keystore, certificate) = (folder.join(KEYSTORE), folder.join(CERTIFICATE));
    if !certificate.exists() {
        let keytool = |words: &[&str]| {
            let mut keytool = Command::new("keytool");
            keytool.args(words).args(["-alias", "broker", "-storepass", PASSWORD, "-keystore"]).arg(&keystore);
            keytool
        };
        let pair = ["-genkeypair", "-keyalg", "EC", "-dname", "CN=localhost", "-ext", "san=ip:127.0.0.1"];
        install::run(&mut keytool(&pair))?;
        install::run(keytool(&["-exportcert", "-rfc"]).arg("-file").arg(certificate))?;
    }
    let keystore = keystore.display();
    Ok(format!(
        "listener.name.tls.ssl.keystore.type=PKCS12
listener.name.tls.ssl.keystore.location={keystore}
listener.name.tls.ssl.keystore.password={PASSWORD}
"
    ))
}

/// The certificate of the broker in this folder, as PEM.
pub(crate) fn certificate(folder: &Path) -> Result<String, Error> {
    let path = folder.join(CERTIFICATE);
    std::fs::read_to_string(&path).map_err(Error::file("read", &path))
}

/// Gives the broker at this address the grants of the file, and those whom it names their password by SCRAM.
pub(crate) fn grant(brokers: &str) -> Result<(), Error> {
    let (jars, repository) = (install::kafka()?.join("*"), folders::repository());
    let mut java = Command::new("java");
    java.args(["-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]).arg(jars);
    java.arg(repository.join("crates/stack/src/servers/kafka/Acls.java")).arg(brokers);
    install::run(java.arg(repository.join(GRANTS)).arg(PASSWORD)).map(drop)
}
