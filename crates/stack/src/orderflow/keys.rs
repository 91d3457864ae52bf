//! Keys and secrets of a system, made once and kept in files that only their owner reads.

use std::path::PathBuf;
use std::process::Command;

use super::{Given, Orderflow};
use crate::secret::{self, random};
use crate::servers::{Kind, MongoKind, MongoUsers};
use crate::{Error, folders, install};

/// By which file which process of ours finds which database, and as which user of `deploy/mongodb-users.json`.
const MONGODB: [(&str, &str, &str); 5] = [
    ("mongodb.uri", "command-api", "orderflow"),
    ("mongodb-relay.uri", "relay", "orderflow"),
    ("mongodb-steward.uri", "steward", "orderflow"),
    ("vault.uri", "command-api", "vault"),
    ("vault-projector.uri", "projector", "vault"),
];

/// The operators', who take no detour.
const OPERATOR: &str = "mongodb-operator.uri";
/// Which setting of the operators' command line lies in which file.
const SETTINGS_OF_OPS: [(&str, &str); 4] = [
    ("MONGODB_URI", OPERATOR),
    ("VAULT_MONGODB_URI", "vault.uri"),
    ("VAULT_MASTER_KEY", "vault.key"),
    ("EMAIL_KEY", "email.key"),
];

impl Orderflow {
    /// Replaces the key that signs access tokens, as an operator would; nothing is restarted.
    ///
    /// # Errors
    /// What the command said.
    pub fn rotate_keys(&self) -> Result<(), Error> {
        let folder = self.keys().display().to_string();
        self.ops(&["keys", "rotate", "jwt", "--out", &folder, "--execute"])
    }

    /// The private key that signs access tokens now, for tests that forge some.
    #[must_use]
    pub fn signing_key(&self) -> PathBuf {
        self.keys().join("jwt.pem")
    }

    pub(super) fn key_file(&self, name: &str) -> String {
        self.keys().join(name).display().to_string()
    }

    fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    /// Writes down where each process finds MongoDB: by a user of its own, unless the server was given.
    pub(super) async fn give_mongodb(&mut self, given: &Given) -> Result<(), Error> {
        let keys = self.keys();
        std::fs::create_dir_all(&keys).map_err(Error::file("create", &keys))?;
        let Some(uri) = &given.mongodb_uri else { return self.give_our_mongodb().await };
        for (file, _, name) in MONGODB {
            self.overwrite(file, &database(uri, name))?;
        }
        self.overwrite(OPERATOR, uri)
    }

    async fn give_our_mongodb(&mut self) -> Result<(), Error> {
        let password = self.secret("mongodb.password", || random(16))?;
        let users = MongoUsers::make(self.ports.of(MongoKind::NAME)?, &password).await?;
        for (file, user, database) in MONGODB {
            self.overwrite(file, &self.detours.of(&users.uri(user, database)))?;
        }
        self.overwrite(OPERATOR, &users.uri("operator", "orderflow"))?;
        self.addresses.mongodb_uri = users.uri_of_root("orderflow");
        Ok(())
    }

    /// Makes what is missing, and writes down what was given.
    pub(super) fn make_keys(&mut self, given: &Given) -> Result<(), Error> {
        self.secret("fingerprint.key", || random(32))?;
        self.secret("email.key", || random(32))?;
        self.secret("payments.key", || random(16))?;
        self.secret("payments-webhook.secret", || random(32))?;
        self.secret("vault.key", || random(32))?;
        let keys = self.keys();
        if !keys.join("jwt.pem").exists() {
            let out = keys.display().to_string();
            self.ops(&["keys", "generate", "--out", &out, "--execute"])?;
        }
        self.overwrite("redis.url", &self.detours.of(&self.addresses.redis_url))?;
        if let Some(password) = &given.bootstrap_admin_password {
            self.overwrite("admin.password", password)?;
        }
        self.admin.password = self.secret("admin.password", || random(12))?;
        if let Some(email) = &given.bootstrap_admin_email {
            self.overwrite("admin.email", email)?;
        }
        self.admin.email = self.secret("admin.email", || Ok("admin@orderflow.test".to_owned()))?;
        Ok(())
    }

    /// Runs the operators' command line against this system.
    pub(super) fn ops(&self, arguments: &[&str]) -> Result<(), Error> {
        install::run(self.operator()?.args(arguments)).map(drop)
    }

    /// The operators' command line against this system, to which the words are still to be given.
    ///
    /// # Errors
    /// When it was not built.
    pub fn operator(&self) -> Result<Command, Error> {
        let path = folders::binaries().join("ops");
        if !path.exists() {
            let command = "cargo build --workspace --bins".to_owned();
            return Err(Error::Missing { what: path.display().to_string(), command });
        }
        let mut command = Command::new(path);
        command.env("GATEWAY_URL", &self.addresses.gateway).env("KAFKA_BROKERS", &self.addresses.kafka_brokers);
        command.env("SCHEMA_REGISTRY_URL", &self.addresses.schema_registry_url);
        command.env("REDIS_URL", &self.addresses.redis_url);
        for (name, file) in SETTINGS_OF_OPS {
            let path = self.key_file(file);
            command.env(name, std::fs::read_to_string(&path).map_err(Error::file("read", path))?);
        }
        Ok(command)
    }

    /// A secret's text; made the first time.
    fn secret(&self, name: &str, make: impl FnOnce() -> Result<String, Error>) -> Result<String, Error> {
        secret::kept(&self.keys().join(name), make)
    }

    fn overwrite(&self, name: &str, text: &str) -> Result<(), Error> {
        secret::overwrite(&self.keys().join(name), text)
    }
}

/// The URI of another database on the same MongoDB.
fn database(uri: &str, name: &str) -> String {
    let (server, options) = uri.split_once('?').map_or((uri, None), |(server, options)| (server, Some(options)));
    let hosts = server.find("://").map_or(0, |scheme| scheme + 3);
    let end = server.get(hosts..).and_then(|rest| rest.find('/')).map_or(server.len(), |slash| hosts + slash);
    let server = server.get(..end).unwrap_or(server);
    options.map_or_else(|| format!("{server}/{name}"), |options| format!("{server}/{name}?{options}"))
}

#[cfg(test)]
mod tests {
    use super::database;

    #[test]
    fn another_database_of_the_same_server_keeps_its_hosts_and_options() {
        for (uri, other) in [
            ("mongodb://a:1/orderflow?replicaSet=rs0", "mongodb://a:1/vault?replicaSet=rs0"),
            ("mongodb://u:p@a:1,b:2/?w=1", "mongodb://u:p@a:1,b:2/vault?w=1"),
            ("mongodb://a:1", "mongodb://a:1/vault"),
        ] {
            assert_eq!(database(uri, "vault"), other);
        }
    }
}
