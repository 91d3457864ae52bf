//! Work on a partition that cannot be done now: it is tried until it can, or until the partition is somebody else's; and
//! operators see meanwhile that the partition stands still.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bus::{ConsumerGroup, PartitionFeed};
use runtime::Shutdown;
use runtime::backoff::Backoff;

use crate::metrics;

/// From so many failures in a row on, which take some seconds, a partition stands still.
const PATIENCE: u32 = 8;

/// One partition's place in its group; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    group: &'static str,
    partition: Arc<str>,
    end: Shutdown,
    /// How many things keep it from going on.
    stuck: Arc<AtomicUsize>,
}

impl Post {
    /// The place of whoever works on this partition.
    pub(super) fn at(group: ConsumerGroup, feed: &PartitionFeed) -> Self {
        Self::new(group.name, &format!("{}/{}", feed.topic, feed.partition), feed.end())
    }

    /// The place of whoever works on a partition of this name, until its end.
    pub(crate) fn new(group: &'static str, partition: &str, end: Shutdown) -> Self {
        Self { group, partition: partition.into(), end, stuck: Arc::default() }
    }

    /// Whether there is nothing to do here any more: somebody else has the partition, or the process ends.
    pub(crate) fn is_lost(&self) -> bool {
        self.end.is_requested()
    }

    /// Begins with something that may have to be tried more than once, with waits between these two.
    pub(crate) fn tries(&self, first: Duration, longest: Duration) -> Tries {
        Tries { post: self.clone(), backoff: Backoff::new(first, longest), failures: 0 }
    }
}

impl fmt::Display for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.group, self.partition)
    }
}

/// The attempts at one thing. Dropping them ends what is said of it.
#[derive(Debug)]
pub(crate) struct Tries {
    post: Post,
    backoff: Backoff,
    failures: u32,
}

impl Tries {
    /// It failed: waits until it is to be tried again; returns whether it is.
    pub(crate) async fn again(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        if self.failures == PATIENCE {
            self.stand_still();
        }
        self.wait().await
    }

    /// It did not fail, and is not done yet: waits as long; returns whether to go on.
    pub(crate) async fn later(&mut self) -> bool {
        self.go_on();
        self.wait().await
    }

    /// It came further: what is left of it is tried at once.
    pub(crate) fn advanced(&mut self) {
        self.go_on();
        self.backoff.reset();
    }

    async fn wait(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.post.end.requested() => false,
            () = self.backoff.wait() => true,
        }
    }

    fn stand_still(&self) {
        let Post { group, stuck, .. } = &self.post;
        tracing::error!(
            group,
            "{} stands still: something failed {PATIENCE} times, as was logged, and is tried until it can be done; see \
             docs/runbooks/fulfilment-failed.md",
            self.post
        );
        if stuck.fetch_add(1, Ordering::AcqRel) == 0 {
            stopped(group).increment(1);
        }
    }

    fn go_on(&mut self) {
        let Post { group, stuck, .. } = &self.post;
        if self.failures >= PATIENCE && stuck.fetch_sub(1, Ordering::AcqRel) == 1 {
            stopped(group).decrement(1);
        }
        self.failures = 0;
    }
}

impl Drop for Tries {
    fn drop(&mut self) {
        self.go_on();
    }
}

fn stopped(group: &'static str) -> ::metrics::Gauge {
    ::metrics::gauge!(metrics::STOPPED.name, "group" => group)
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    fn said(metrics: &PrometheusHandle) -> Option<String> {
        let name = metrics::STOPPED.name;
        metrics.render().lines().find_map(|line| line.strip_prefix(name).map(str::to_owned))
    }

    async fn fail(tries: &mut Tries, times: u32) {
        for _ in 0..times {
            assert!(tries.again().await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_partition_is_said_to_stand_still_until_nothing_keeps_it_any_more() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let _here = ::metrics::set_default_local_recorder(&recorder);
        let post = Post::new("cashier", "payments.events.v1/3", Shutdown::default());
        let (mut one, mut other) = (post.tries(MOMENT, MOMENT), post.tries(MOMENT, MOMENT));
        let (still, goes_on) = (Some("{group=\"cashier\"} 1"), Some("{group=\"cashier\"} 0"));
        fail(&mut one, PATIENCE - 1).await;
        assert_eq!(said(&metrics), None, "what fails a few times is no news");
        fail(&mut one, 1).await;
        fail(&mut other, PATIENCE + 1).await;
        assert_eq!(said(&metrics).as_deref(), still, "one partition, however much keeps it");
        one.advanced();
        assert_eq!(said(&metrics).as_deref(), still);
        drop(other);
        assert_eq!(said(&metrics).as_deref(), goes_on);
        fail(&mut one, PATIENCE).await;
        assert_eq!(said(&metrics).as_deref(), still);
        assert!(one.later().await);
        assert_eq!(said(&metrics).as_deref(), goes_on, "the provider answered, and is not done");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_tried_again_for_a_partition_that_was_lost() {
        let end = Shutdown::default();
        let post = Post::new("cashier", "payments.events.v1/3", end.clone());
        let mut tries = post.tries(Duration::from_secs(3_600), Duration::from_secs(3_600));
        end.request();
        assert!(!tries.again().await);
        assert!(post.is_lost());
    }
}
