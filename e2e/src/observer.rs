//! Looks at a running system from inside: reads the ledger, and compares Redis and Kafka with it.

use std::time::Duration;

use bus::{Kafka, KafkaConfig};
use event_store::EventStore;
use read_model::{ReadModel, Reader, RedisConfig};
use runtime::Process;
use stack::Orderflow;
use vault::{Vault, VaultConfig};

use crate::check::{self, Shown};
use crate::ledger::{self, Ledger};

/// Connections to every server of one system.
pub struct Observer {
    process: Process,
    store: EventStore,
    read_model: ReadModel,
    reader: Reader,
    kafka: Kafka,
    vault: Vault,
}

impl Observer {
    /// Connects to the servers of this system; panics if it cannot.
    pub async fn of(system: &Orderflow) -> Self {
        let process = Process::new("e2e", None);
        let at = system.addresses();
        let events = KafkaConfig::in_clear(&at.kafka_brokers, &at.schema_registry_url);
        let store = EventStore::connect(event_store::Config::new(&at.mongodb_uri), &process).await.expect("a store");
        store.wait_until_up().await;
        let model = ReadModel::connect(&RedisConfig { redis_url: at.redis_url.as_str().into() }, &process);
        let read_model = model.expect("a read model");
        let reader = read_model.reader();
        let kafka = Kafka::connect(&events, &process).expect("Kafka");
        let vault = Vault::unwatched(&vault_of(system)).await.expect("a vault");
        Self { process, store, read_model, reader, kafka, vault }
    }

    /// Where events are committed.
    #[must_use]
    pub const fn store(&self) -> &EventStore {
        &self.store
    }

    /// Where views are.
    #[must_use]
    pub const fn read_model(&self) -> &ReadModel {
        &self.read_model
    }

    /// Where events are published.
    #[must_use]
    pub const fn kafka(&self) -> &Kafka {
        &self.kafka
    }

    /// Everything that is committed now.
    pub async fn ledger(&self) -> Ledger {
        ledger::read(&self.store).await
    }

    /// Waits until every order is carried out, nothing is marked for publication, and Redis shows exactly what the
    /// events come to; then checks the topics. Returns the events.
    ///
    /// # Errors
    /// What stands in the way if it takes longer, or what is wrong with the topics.
    pub async fn settle(&self, patience: Duration) -> Result<Ledger, String> {
        let ledger = stack::within(patience, async || {
            // After an outage the processes may see that MongoDB is back a moment before we do.
            self.store.wait_until_up().await;
            if ledger::marked(&self.store).await > 0 {
                return Err("some commits are not published".to_owned());
            }
            let ledger = self.ledger().await;
            match ledger::unfinished(&ledger) {
                Some(order) => Err(format!("{order} is not carried out")),
                None if ledger::marked(&self.store).await > 0 => Err("some commits are not published".to_owned()),
                None => Ok(ledger),
            }
        })
        .await?;
        let expected = Shown::by_the_ledger(&ledger, &self.vault).await;
        stack::within(patience, async || match expected.by_redis(&self.reader).await {
            Ok(shown) => expected.difference(&shown).map_or(Ok(()), Err),
            Err(error) => Err(runtime::chain_in_lines(&error)),
        })
        .await?;
        check::topics(&self.kafka, &ledger).await?;
        Ok(ledger)
    }
}

/// The vault that the processes of this system use.
fn vault_of(system: &Orderflow) -> VaultConfig {
    let key = |name: &str| std::fs::read_to_string(system.folder().join("keys").join(name)).expect("a key file");
    VaultConfig {
        vault_mongodb_uri: key("vault.uri").as_str().into(),
        vault_master_key: key("vault.key").as_str().into(),
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}
