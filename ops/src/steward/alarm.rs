//! The alarm: history has diverged. While it is raised the steward publishes nothing: what MongoDB holds may not be what
//! the views and the log were made from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runtime::Dependency;
use schemas::StreamId;

use super::metrics;

/// The streams that diverged, each with what was found; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Alarm {
    health: Dependency,
    found: Arc<Mutex<BTreeMap<StreamId, String>>>,
}

impl Alarm {
    /// All is well until something is found.
    pub(super) fn new(health: Dependency) -> Self {
        health.up();
        Self { health, found: Arc::default() }
    }

    pub(super) fn is_raised(&self) -> bool {
        !self.found().is_empty()
    }

    /// This stream has diverged.
    pub(super) fn raise(&self, stream: &StreamId, finding: &str) {
        let mut found = self.found();
        if found.insert(stream.clone(), finding.to_owned()).is_none() {
            tracing::error!(
                stream = stream.as_str(),
                "history has diverged: {finding}; nothing is published again until that is resolved: see \
                 docs/runbooks/mongodb-restored.md"
            );
        }
        self.show(&found);
    }

    /// Everything was looked at, and this is all that is wrong.
    pub(super) fn settle(&self, confirmed: BTreeMap<StreamId, String>) {
        let mut found = self.found();
        if !found.is_empty() && confirmed.is_empty() {
            tracing::info!("history has not diverged any more");
        }
        *found = confirmed;
        self.show(&found);
    }

    fn show(&self, found: &BTreeMap<StreamId, String>) {
        metrics::DIVERGED.set(metrics::count(found.len()));
        match found.values().next() {
            None => self.health.up(),
            Some(first) => self.health.down(format!("history has diverged in {} streams: {first}", found.len())),
        }
    }

    fn found(&self) -> MutexGuard<'_, BTreeMap<StreamId, String>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use runtime::Process;
    use schemas::OrderId;

    use super::*;

    #[test]
    fn it_is_raised_by_one_stream_and_ends_when_a_look_at_everything_finds_none() {
        let health = Process::new("steward", None).health.dependency("history");
        let (alarm, stream) = (Alarm::new(health.clone()), OrderId::from_bits(1).stream().clone());
        assert!(health.is_up() && !alarm.is_raised());
        alarm.raise(&stream, "it is shorter");
        alarm.raise(&stream, "it is shorter");
        assert!(!health.is_up() && alarm.is_raised());
        alarm.settle(BTreeMap::from([(stream, "it is shorter".to_owned())]));
        assert!(!health.is_up() && alarm.is_raised());
        alarm.settle(BTreeMap::new());
        assert!(health.is_up() && !alarm.is_raised());
    }
}
