//! One Kafka broker that is its own controller (`KRaft`).

mod guarded;

use std::path::Path;
use std::process::Command;

use super::{Kind, QUICK_JAVA, unpacks_in};
use crate::probe::Probe;
use crate::program::Program;
use crate::{Error, install};

pub use guarded::GuardedKafkaKind;
pub(super) use guarded::{Users, certificate, grant};

/// The settings that matter on one node; compose has the same.
pub(crate) const SETTINGS: [(&str, &str); 8] = [
    ("group.initial.rebalance.delay.ms", "0"),
    ("offsets.topic.replication.factor", "1"),
    ("offsets.topic.num.partitions", "4"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("auto.create.topics.enable", "false"),
];

/// Kafka.
#[derive(Debug)]
pub enum KafkaKind {}

impl Kind for KafkaKind {
    const NAME: &'static str = "kafka";
    const PORTS: usize = 2;

    fn program(folder: &Path, ports: &[u16]) -> Result<Program, Error> {
        let port = ports.first().copied().unwrap_or_default();
        let controller = ports.get(1).copied().unwrap_or_default();
        let jars = install::kafka()?.join("*").display().to_string();
        let settings = folder.join("server.properties");
        let data = folder.join("data");
        let text = properties(port, controller, &data);
        std::fs::write(&settings, text).map_err(Error::file("write", &settings))?;
        if !data.join("meta.properties").exists() {
            format(&jars, &settings)?;
        }
        let address = format!("127.0.0.1:{port}");
        Ok(Program::new(Self::NAME, folder, address.clone(), Probe::Kafka(address))
            .args(["java", "-Xmx512m"])
            .args(QUICK_JAVA)
            .args([unpacks_in(folder)])
            .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", &jars, "kafka.Kafka"])
            .args([settings.display()]))
    }
}

/// A way to the broker for clients who are to be led by it again: where it begins, and the port where it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KafkaDetour {
    pub(crate) begins: u16,
    pub(crate) leads_to: u16,
}

impl KafkaDetour {
    /// Has the broker in this folder, which does not run yet, listen at the end of the detour and send whoever comes that
    /// way by it again.
    pub(crate) fn lay(self, folder: &Path) -> Result<(), Error> {
        let path = folder.join("server.properties");
        let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        std::fs::write(&path, self.added_to(&text)).map_err(Error::file("write", &path))
    }

    fn added_to(self, properties: &str) -> String {
        let Self { begins, leads_to } = self;
        Listener { name: "DETOUR", protocol: "PLAINTEXT", listens: leads_to, advertised: begins }.added_to(properties)
    }
}

/// One more way into a broker.
struct Listener {
    name: &'static str,
    protocol: &'static str,
    /// The port at which the broker listens.
    listens: u16,
    /// The one to which it sends those who came this way.
    advertised: u16,
}

impl Listener {
    fn added_to(&self, properties: &str) -> String {
        let Self { name, protocol, listens, advertised } = self;
        let with = |line: &str| {
            let added = match line.split_once('=').map(|(setting, _)| setting) {
                Some("listeners") => format!(",{name}://127.0.0.1:{listens}"),
                Some("advertised.listeners") => format!(",{name}://127.0.0.1:{advertised}"),
                Some("listener.security.protocol.map") => format!(",{name}:{protocol}"),
                _ => String::new(),
            };
            format!("{line}{added}\n")
        };
        properties.lines().map(with).collect()
    }
}

fn properties(port: u16, controller: u16, data: &Path) -> String {
    let mut text = format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={}
",
        data.display()
    );
    for (name, value) in SETTINGS {
        text.push_str(&format!("{name}={value}\n"));
    }
    text
}

fn format(jars: &str, settings: &Path) -> Result<(), Error> {
    // Any 16 bytes in base64 will do; the cluster is known by its address.
    let arguments = [
        "-XX:TieredStopAtLevel=1",
        "-cp",
        jars,
        "kafka.tools.StorageTool",
        "format",
        "-t",
        "b3JkZXJmbG93LWxvY2FsMQ",
        "-c",
    ];
    install::run(Command::new("java").args(arguments).arg(settings)).map(drop)
}
