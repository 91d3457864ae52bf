//! Our own processes: how many of each, and the settings of each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Orderflow;
use super::gateway::PAGES;
use crate::probe::Probe;
use crate::process::Lifetime;
use crate::program::Program;
use crate::{Error, folders};

/// How many instances of each process. The first is named as its program, the others `command-api-2`, …
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Instances that take commands and carry orders out; they relay too, unless there are relays of their own.
    pub command_api: u8,
    /// Instances of the command API that do nothing but relay: `relay`, `relay-2`, …
    pub relay: u8,
    /// Instances that write the views.
    pub projector: u8,
    /// Instances that answer queries.
    pub query_api: u8,
    /// Instances that hold sockets.
    pub notifier: u8,
}

impl Default for Shape {
    /// One of each; the command API relays.
    fn default() -> Self {
        Self { command_api: 1, relay: 0, projector: 1, query_api: 1, notifier: 1 }
    }
}

/// The payment provider's program and name.
pub(super) const PAYMENT_SANDBOX: &str = "payment-sandbox";

/// The name of the operators' process that heals and acts for them, and the word by which it is started.
pub(super) const STEWARD: &str = "steward";

/// The name under which a process's admin port is kept.
pub(super) fn admin_port(name: &str) -> String {
    format!("{name}.admin")
}

fn instances(program: &str, count: u8) -> Vec<String> {
    let name = |number| if number == 1 { program.to_owned() } else { format!("{program}-{number}") };
    (1..=count).map(name).collect()
}

impl Orderflow {
    /// Every process of ours.
    pub(super) fn our_programs(&mut self) -> Result<Vec<Program>, Error> {
        let shape = self.shape;
        let mut programs = Vec::new();
        for name in instances("command-api", shape.command_api) {
            let roles = if shape.relay == 0 { "http,relay,fulfilment" } else { "http,fulfilment" };
            programs.push(self.command_api(&name, roles)?);
        }
        for name in instances("relay", shape.relay) {
            let program = self.command_api(&name, "relay")?;
            programs.push(program.env("MONGODB_URI_FILE", self.key_file("mongodb-relay.uri")));
        }
        for name in instances("projector", shape.projector) {
            let program = self.process_of_ours(&name, "projector")?;
            let program = self.vault(self.redis(self.kafka(program)));
            programs.push(program.env("VAULT_MONGODB_URI_FILE", self.key_file("vault-projector.uri")));
        }
        for name in instances("notifier", shape.notifier) {
            let program = self.process_of_ours(&name, "notifier")?.env("ALLOWED_ORIGINS", PAGES);
            programs.push(self.checks_tokens(self.redis(self.kafka(program))));
        }
        let peers: Vec<_> = programs.iter().map(|program| program.name.clone()).collect();
        for name in instances("query-api", shape.query_api) {
            let program = self.process_of_ours(&name, "query-api")?;
            let program = self.checks_tokens(self.redis(self.kafka(program)));
            programs.push(program.env("HEALTH_PEERS", self.peers(&peers)));
        }
        programs.push(self.steward()?);
        programs.push(self.payment_sandbox()?);
        Ok(programs)
    }

    /// Upstreams of the gateway: `host:port` of every instance of a program.
    pub(super) fn upstreams(&self, program: &str, count: u8) -> Vec<String> {
        let ports = instances(program, count).into_iter().filter_map(|name| self.ports.known(&name));
        ports.map(|port| format!("127.0.0.1:{port}")).collect()
    }

    pub(super) const fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn log_of(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }

    fn command_api(&mut self, name: &str, roles: &str) -> Result<Program, Error> {
        let program = self.process_of_ours(name, "command-api")?;
        let program = self.vault(self.checks_tokens(self.kafka(program)));
        let payments = format!("http://127.0.0.1:{}", self.ports.of(PAYMENT_SANDBOX)?);
        Ok(program
            .env("ROLES", roles)
            .env("MONGODB_URI_FILE", self.key_file("mongodb.uri"))
            .env("JWT_PRIVATE_KEY_FILE", self.key_file("jwt.pem"))
            .env("FINGERPRINT_KEY_FILE", self.key_file("fingerprint.key"))
            .env("EMAIL_KEY_FILE", self.key_file("email.key"))
            .env("PAYMENTS_URL", self.detours.of(&payments))
            .env("PAYMENTS_SECRET_KEY_FILE", self.key_file("payments.key"))
            .env("PAYMENTS_WEBHOOK_SECRET_FILE", self.key_file("payments-webhook.secret"))
            .env("PAYMENTS_TIMEOUT", 2)
            .env("BOOTSTRAP_ADMIN_EMAIL", &self.admin.email)
            .env("BOOTSTRAP_ADMIN_PASSWORD_FILE", self.key_file("admin.password")))
    }

    /// The process that heals, and does what operators ask for; no service needs it, so nobody asks after its health but
    /// operators.
    fn steward(&mut self) -> Result<Program, Error> {
        let program = self.process_of_ours(STEWARD, "ops")?.args([STEWARD]);
        let program = self.checks_tokens(self.redis(self.kafka(program)));
        let program = program.env("MONGODB_URI_FILE", self.key_file("mongodb-steward.uri"));
        Ok(match self.lifetime {
            // A test waits for what is healed.
            Lifetime::WithUs => program.env("STEWARD_REST_SECONDS", 10),
            Lifetime::Detached => program,
        })
    }

    /// The payment provider of a system that moves no money.
    fn payment_sandbox(&mut self) -> Result<Program, Error> {
        let program = self.process_of_ours(PAYMENT_SANDBOX, PAYMENT_SANDBOX)?;
        let ledger = self.folder.join("payments.jsonl");
        Ok(program
            .env("PAYMENTS_SECRET_KEY_FILE", self.key_file("payments.key"))
            .env("SANDBOX_LEDGER", ledger.display()))
    }

    /// What every process of ours has.
    fn process_of_ours(&mut self, name: &str, binary: &str) -> Result<Program, Error> {
        let path = folders::binaries().join(binary);
        if !path.exists() {
            let command = "cargo build --workspace --bins".to_owned();
            return Err(Error::Missing { what: path.display().to_string(), command });
        }
        let (http, admin) = (self.ports.of(name)?, self.ports.of(&admin_port(name))?);
        let probe = Probe::Http(format!("http://127.0.0.1:{admin}/readyz?verbose"));
        let mut program = Program::new(name, &self.folder, format!("http://127.0.0.1:{http}"), probe)
            .args([path.display()])
            .env("INSTANCE", name)
            .env("ENVIRONMENT", "dev")
            .env("LOG_FORMAT", "json")
            // The gateway writes an access log already.
            .env("RUST_LOG", self.log_filter.as_deref().unwrap_or("info,access=warn"))
            .env("HTTP_ADDR", format!("127.0.0.1:{http}"))
            .env("ADMIN_ADDR", format!("127.0.0.1:{admin}"));
        program = self.traces.settings().fold(program, |program, (name, value)| program.env(name, value));
        program.log = self.log_of(name);
        match &self.clocks {
            Some(clocks) => clocks.give_to(program),
            None => Ok(program),
        }
    }

    fn kafka(&self, program: Program) -> Program {
        let Self { addresses, detours, .. } = self;
        program
            .env("KAFKA_BROKERS", detours.of(&addresses.kafka_brokers))
            .env("SCHEMA_REGISTRY_URL", detours.of(&addresses.schema_registry_url))
    }

    fn redis(&self, program: Program) -> Program {
        program.env("REDIS_URL_FILE", self.key_file("redis.url"))
    }

    fn vault(&self, program: Program) -> Program {
        program
            .env("VAULT_MONGODB_URI_FILE", self.key_file("vault.uri"))
            .env("VAULT_MASTER_KEY_FILE", self.key_file("vault.key"))
    }

    fn checks_tokens(&self, program: Program) -> Program {
        program.env("JWKS_FILE", self.key_file("jwks.json"))
    }

    fn peers(&self, names: &[String]) -> String {
        let peer = |name: &String| {
            let port = self.ports.known(&admin_port(name))?;
            Some(format!("{name}=http://127.0.0.1:{port}"))
        };
        names.iter().filter_map(peer).collect::<Vec<_>>().join(",")
    }
}
