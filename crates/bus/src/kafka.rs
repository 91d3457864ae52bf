//! The cluster as this process sees it: whether it answers, whether our topics exist, and where their partitions end.
//!
//! One thread asks once a second, for all clients of the process together; it keeps the dependency `kafka` true.

mod watch;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use runtime::{Dependency, Process, clock};

use crate::bell::{self, Bell};
use crate::{Error, KafkaConfig, client};

/// An answer older than this says nothing about now.
const FRESH: Duration = Duration::from_millis(2_500);

/// A handle on the cluster; clones share it.
#[derive(Debug, Clone)]
pub struct Kafka {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: KafkaConfig,
    process: Process,
    health: Dependency,
    topics: Mutex<BTreeMap<Arc<str>, Arc<Ends>>>,
    bell: Arc<Bell>,
}

/// Where the partitions of one topic end.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    sample: Mutex<Option<Sample>>,
    /// The cluster said that there is no such topic.
    missing: AtomicBool,
}

/// What the cluster answered.
#[derive(Debug, Clone)]
struct Sample {
    /// When the question was sent.
    asked: clock::Instant,
    /// By partition: the offset that the next record will get.
    ends: Arc<[i64]>,
}

impl Kafka {
    /// Starts to look after the cluster. Does not fail when it is down: then the dependency says so. Must be called
    /// within the asynchronous runtime.
    pub fn connect(config: &KafkaConfig, process: &Process) -> Result<Self, Error> {
        let inner = Arc::new(Inner {
            config: config.clone(),
            process: process.clone(),
            health: process.health.dependency("kafka"),
            topics: Mutex::default(),
            bell: Arc::default(),
        });
        let watched = Arc::clone(&inner);
        let watch = watch::Watch::new(&inner)?;
        bell::serve(process, "kafka-watch", Arc::clone(&inner.bell), move |bell| watch.run(&watched, bell))?;
        Ok(Self { inner })
    }

    /// The process that this is for.
    pub(crate) fn process(&self) -> &Process {
        &self.inner.process
    }

    /// Settings for another client of the same cluster.
    pub(crate) fn settings(&self) -> ClientConfig {
        client::settings(&self.inner.config, &self.inner.process.instance)
    }

    /// From now on this topic must exist for the process to be ready, and its ends are known.
    pub(crate) fn watch(&self, topic: &str) -> Arc<Ends> {
        let ends = Arc::clone(self.inner.topics().entry(topic.into()).or_default());
        self.inner.bell.ring();
        ends
    }
}

impl Inner {
    fn topics(&self) -> std::sync::MutexGuard<'_, BTreeMap<Arc<str>, Arc<Ends>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ends {
    /// Whether the cluster's last answer was that the topic does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        self.missing.load(Ordering::Acquire)
    }

    /// The end of this partition, if the cluster was asked for it after `since` and not long ago.
    pub(crate) fn of(&self, partition: i32, since: Option<clock::Instant>) -> Option<i64> {
        let sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        if sample.asked.elapsed() > FRESH || since.is_some_and(|since| sample.asked <= since) {
            return None;
        }
        sample.ends.get(usize::try_from(partition).ok()?).copied()
    }

    fn set(&self, sample: Option<Sample>) {
        *self.sample.lock().unwrap_or_else(PoisonError::into_inner) = sample;
    }
}
