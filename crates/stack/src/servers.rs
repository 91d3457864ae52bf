//! The real servers, each started on a free loopback port with its data in a folder, killed and started again on the same
//! port and data. They end with the program that started them, also when it panics or is killed.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Error;
use crate::port::Port;
use crate::process::{Lifetime, Process};
use crate::program::Program;

#[cfg(test)]
mod compose;
mod kafka;
mod mongo;
mod nginx;
mod redis;
mod registry;

pub(crate) use kafka::KafkaDetour;
pub use kafka::{GuardedKafkaKind, KafkaKind};
pub use mongo::{GuardedMongoKind, MongoKind, MongoUsers};
pub use nginx::NginxKind;
pub use redis::RedisKind;
pub use registry::RegistryKind;

#[cfg(test)]
pub(crate) use nginx::words as nginx_words;

/// For Java servers that start often and share few cores: code that is there at once, instead of the best there can be.
const QUICK_JAVA: [&str; 2] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/// Has a Java server unpack its libraries in its own folder: one that is killed cannot remove them.
fn unpacks_in(folder: &Path) -> String {
    format!("-Djava.io.tmpdir={}", folder.display())
}

/// `mongod`, a replica set of one node with majority reads, change streams and transactions.
pub type Mongo = Server<MongoKind>;
/// The same, which asks everybody for a name and a password.
pub type GuardedMongo = Server<GuardedMongoKind>;
/// An Apache Kafka broker that is its own controller.
pub type Kafka = Server<KafkaKind>;
/// The same, which also asks clients for a name and a password, and lets them do what `deploy/kafka-acls.txt` says.
pub type GuardedKafka = Server<GuardedKafkaKind>;
/// The Confluent-compatible schema registry; it keeps its data over restarts.
pub type Registry = Server<RegistryKind>;
/// Redis, every write on disk before it is answered.
pub type Redis = Server<RedisKind>;

/// What is particular about one kind of server.
pub trait Kind {
    /// Its name in logs and in `status`.
    const NAME: &'static str;
    /// How many ports it listens on; clients use the first.
    const PORTS: usize = 1;

    /// Installs it if need be, prepares its folder, and says how it is started.
    ///
    /// # Errors
    /// What is missing or could not be written.
    fn program(folder: &Path, ports: &[u16]) -> Result<Program, Error>;
}

/// A running server of one kind.
#[derive(Debug)]
pub struct Server<K> {
    process: Process,
    ports: Vec<Port>,
    kind: PhantomData<fn() -> K>,
}

/// How long a server may take to become ready: a busy machine with two cores and several of them starting.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(240);

impl<K: Kind> Server<K> {
    /// Starts one on a free loopback port with its data in this folder; returns when it answers.
    ///
    /// # Errors
    /// Why it did not come up, with the end of its log.
    pub async fn start(folder: &Path) -> Result<Self, Error> {
        let ports = (0..K::PORTS).map(|_| Port::claim()).collect::<Result<Vec<_>, _>>()?;
        let numbers: Vec<_> = ports.iter().map(Port::number).collect();
        std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        let process = Process::start(K::program(folder, &numbers)?, Lifetime::WithUs)?;
        process.ready(READY_WITHIN).await?;
        Ok(Self { process, ports, kind: PhantomData })
    }

    /// The URL (MongoDB, registry, Redis, nginx) or `host:port` (Kafka) that clients use.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.process.program().address
    }

    /// The port that clients use.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports.first().map_or(0, Port::number)
    }

    /// Its folder: data, configuration, log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.process.program().folder
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.process.program().log.clone()
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.identity().map(|identity| identity.pid)
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&self) {
        self.process.kill().await;
    }

    /// SIGTERM, as an operator would; returns when it is gone.
    pub async fn stop(&self) {
        self.process.terminate(Duration::from_secs(30)).await;
    }

    /// Starts it again on the same port and data, after killing it if it runs; returns when it answers.
    ///
    /// # Errors
    /// Why it did not come up, with the end of its log.
    pub async fn restart(&self) -> Result<(), Error> {
        self.kill().await;
        self.process.start_again()?;
        self.process.ready(READY_WITHIN).await
    }

    /// Stops its threads where they are (SIGSTOP), so that it hangs instead of refusing; [`Self::resume`] ends it.
    pub fn pause(&self) {
        self.process.signal("STOP");
    }

    /// Ends a [`Self::pause`].
    pub fn resume(&self) {
        self.process.signal("CONT");
    }
}

impl Mongo {
    /// The URI of another database on this server, so that tests do not meet.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        self.url().replace("/orderflow?", &format!("/{name}?"))
    }
}

impl GuardedKafka {
    /// Where those are let in who have a name; [`Self::url`] is for whoever may do everything.
    #[must_use]
    pub fn brokers_for_users(&self) -> String {
        self.brokers_for(kafka::Users::InClear)
    }

    /// The same by TLS.
    #[must_use]
    pub fn brokers_for_users_by_tls(&self) -> String {
        self.brokers_for(kafka::Users::ByTls)
    }

    fn brokers_for(&self, users: kafka::Users) -> String {
        format!("127.0.0.1:{}", self.ports.get(users.port()).map_or(0, Port::number))
    }

    /// What whoever comes by TLS has to trust, as PEM.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn certificate(&self) -> Result<String, Error> {
        kafka::certificate(self.folder())
    }

    /// Gives the broker the grants of the file.
    ///
    /// # Errors
    /// What the broker, or Java, said.
    pub fn grant(&self) -> Result<(), Error> {
        kafka::grant(self.url())
    }
}

impl Registry {
    /// Kills it, forgets every schema, and starts it again on the same port: a registry that lost its data.
    ///
    /// # Errors
    /// Why it did not come up, with the end of its log.
    pub async fn restart_empty(&self) -> Result<(), Error> {
        self.kill().await;
        registry::forget(self.folder())?;
        self.restart().await
    }
}
