//! The schema registry, as services use it: look-ups only, kept in tables of our own.
//!
//! The registry may lose its data and number anew, so what the tables say is checked against the records (see
//! [`crate::Decoder`]) and, in a process that writes, against the registry every few seconds.

mod calls;
mod watch;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use runtime::{Dependency, Process};
use schemas::avro;
use serde_avro_fast::Schema;
use tokio::sync::Notify;

use crate::{Error, KafkaConfig};
pub(crate) use calls::Calls;

/// More schemas than this are never needed; beyond it the tables start anew.
const MAX_SCHEMAS: usize = 4_096;

/// A handle on the registry; clones share its tables. Its dependency is `schema-registry`.
#[derive(Debug, Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    calls: Calls,
    health: Dependency,
    /// Ids of the schemas that we write, by record name; `None` until all are known.
    ids: RwLock<Result<Ids, Arc<Unready>>>,
    /// Schemas that others wrote, by id. One id has several only after the registry numbered anew.
    writers: RwLock<HashMap<u32, Vec<Arc<Writer>>>>,
    /// One look-up at a time: partitions that meet a new schema together ask once.
    looking_up: tokio::sync::Mutex<()>,
    demands: Mutex<Demands>,
    changed: Notify,
}

/// What the registry must have for this process to be ready.
#[derive(Debug, Default)]
struct Demands {
    /// Every schema that this release writes.
    own: bool,
    /// Subjects that records in the log need.
    subjects: BTreeSet<String>,
}

/// Record name to schema id.
pub(crate) type Ids = Arc<HashMap<&'static str, u32>>;

/// Why we cannot write.
#[derive(Debug)]
enum Unready {
    NotAsked,
    Missing { subject: String },
}

/// A schema that a datum was written with.
#[derive(Debug)]
pub(crate) struct Writer {
    /// Namespace and name of the record.
    pub(crate) full_name: String,
    /// The schema.
    pub(crate) schema: Schema,
}

impl Registry {
    /// Starts to look after the registry. Does not fail when it is down: then the dependency says so.
    pub fn connect(config: &KafkaConfig, process: &Process) -> Result<Self, Error> {
        let inner = Inner {
            calls: Calls::new(&config.schema_registry_url)?,
            health: process.health.dependency("schema-registry"),
            ids: RwLock::new(Err(Arc::new(Unready::NotAsked))),
            writers: RwLock::default(),
            looking_up: tokio::sync::Mutex::default(),
            demands: Mutex::default(),
            changed: Notify::new(),
        };
        let registry = Self { inner: Arc::new(inner) };
        process.tasks.supervise("schema-registry", watch::run(registry.clone(), process.shutdown.clone()));
        Ok(registry)
    }

    /// The ids of all schemas that this release writes.
    pub(crate) fn ids(&self) -> Result<Ids, Error> {
        match &*self.inner.ids.read().unwrap_or_else(PoisonError::into_inner) {
            Ok(ids) => Ok(Arc::clone(ids)),
            Err(unready) => Err(match &**unready {
                Unready::NotAsked => Error::RegistryNotAsked,
                Unready::Missing { subject } => Error::SchemaMissing { subject: subject.clone() },
            }),
        }
    }

    /// From now on this process is ready only while every schema that it writes is registered.
    pub(crate) fn demand_own(&self) {
        self.demands().own = true;
        self.inner.changed.notify_one();
    }

    /// This process is not ready until this subject exists: records in the log need it.
    fn demand(&self, subject: String) {
        if self.demands().subjects.insert(subject) {
            self.inner.changed.notify_one();
        }
    }

    fn demands(&self) -> std::sync::MutexGuard<'_, Demands> {
        self.inner.demands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The schema of this id and name, if the table has it.
    pub(crate) fn known_writer(&self, id: u32, full_name: &str) -> Option<Arc<Writer>> {
        let writers = self.inner.writers.read().unwrap_or_else(PoisonError::into_inner);
        writers.get(&id)?.iter().find(|writer| writer.full_name == full_name).cloned()
    }

    /// Asks the registry for the schema of this id and remembers it. `None` = it has none, or one of another name.
    pub(crate) async fn look_up(&self, id: u32, full_name: &str) -> Result<Option<Arc<Writer>>, Error> {
        let _one = self.inner.looking_up.lock().await;
        if let Some(writer) = self.known_writer(id, full_name) {
            return Ok(Some(writer));
        }
        let Some(writer) = self.inner.calls.schema_of(id).await? else { return Ok(None) };
        if writer.full_name != full_name {
            return Ok(None);
        }
        Ok(Some(self.remember(id, writer)))
    }

    /// All versions of a subject's schema, oldest first. An unknown subject makes the process unready and is
    /// [`Error::SchemaMissing`].
    pub(crate) async fn versions(&self, subject: &str) -> Result<Vec<Writer>, Error> {
        let versions = self.inner.calls.versions(subject).await?;
        if versions.is_empty() {
            self.demand(subject.to_owned());
            return Err(Error::SchemaMissing { subject: subject.to_owned() });
        }
        Ok(versions)
    }

    /// Puts a schema into the table.
    pub(crate) fn remember(&self, id: u32, writer: Writer) -> Arc<Writer> {
        let writer = Arc::new(writer);
        let mut writers = self.inner.writers.write().unwrap_or_else(PoisonError::into_inner);
        if writers.len() >= MAX_SCHEMAS {
            writers.clear();
        }
        let same_id = writers.entry(id).or_default();
        same_id.retain(|known| known.full_name != writer.full_name);
        same_id.push(Arc::clone(&writer));
        writer
    }

    /// Takes a schema out of the table, because a datum did not fit it.
    pub(crate) fn forget(&self, id: u32, full_name: &str) {
        let mut writers = self.inner.writers.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(same_id) = writers.get_mut(&id) {
            same_id.retain(|known| known.full_name != full_name);
        }
    }

    /// Asks for the ids of all our schemas.
    async fn refresh_ids(&self) -> Result<(), Error> {
        let mut ids = HashMap::new();
        let mut missing = None;
        for record in avro::RECORDS.iter() {
            match self.inner.calls.id_of(&record.subject(), record.avsc).await? {
                Some(id) => drop(ids.insert(record.name, id)),
                None => missing = missing.or_else(|| Some(record.subject())),
            }
        }
        let found = match missing {
            None => Ok(Arc::new(ids)),
            Some(subject) => Err(Arc::new(Unready::Missing { subject })),
        };
        *self.inner.ids.write().unwrap_or_else(PoisonError::into_inner) = found;
        self.ids().map(drop)
    }
}
