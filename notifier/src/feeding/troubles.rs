//! The partitions that do not go on, for readiness.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use read_model::Source;
use runtime::Dependency;

/// Which partitions stand still, and why; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Troubles {
    health: Dependency,
    stopped: Arc<Mutex<BTreeMap<Source, String>>>,
}

/// One partition's entry; gone when dropped.
#[derive(Debug)]
pub(super) struct Place {
    troubles: Troubles,
    source: Source,
}

impl Troubles {
    /// No partition has any trouble.
    pub(super) fn new(health: Dependency) -> Self {
        health.up();
        Self { health, stopped: Arc::default() }
    }

    pub(super) fn place(&self, source: Source) -> Place {
        Place { troubles: self.clone(), source }
    }

    fn note(&self, source: &Source, reason: Option<String>) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        match reason {
            Some(reason) => stopped.insert(source.clone(), reason),
            None => stopped.remove(source),
        };
        match stopped.first_key_value() {
            Some((source, reason)) => self.health.down(format!("{source}: {reason}")),
            None => self.health.up(),
        }
    }
}

impl Place {
    /// The partition does not go on.
    pub(super) fn stopped(&self, error: &dyn std::error::Error) {
        self.troubles.note(&self.source, Some(runtime::chain(error)));
    }

    /// The partition goes on.
    pub(super) fn going(&self) {
        self.troubles.note(&self.source, None);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.going();
    }
}

#[cfg(test)]
mod tests {
    use runtime::Process;

    use super::*;

    #[test]
    fn one_stopped_partition_makes_the_feeds_unready_until_it_goes_on_or_is_taken_away() {
        let health = Process::new("notifier", None).health.dependency("feeds");
        let troubles = Troubles::new(health.clone());
        let place = |partition| troubles.place(Source { topic: "orders.events.v1".into(), partition });
        let (first, second) = (place(1), place(2));
        first.stopped(&std::fmt::Error);
        second.stopped(&std::fmt::Error);
        first.going();
        assert!(!health.is_up(), "the other one still stands");
        drop(second);
        assert!(health.is_up());
    }
}
