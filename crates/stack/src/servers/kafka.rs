//! One Kafka broker that is its own controller (`KRaft`).

use std::path::Path;
use std::process::Command;

use super::Kind;
use crate::probe::Probe;
use crate::program::Program;
use crate::{Error, install};

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
            .args(["java", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"])
            .args(["-cp", &jars, "kafka.Kafka", &settings.display().to_string()]))
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
