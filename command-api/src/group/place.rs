//! Work on a partition that cannot be done now: it is tried until it can, or until the partition is somebody else's; and
//! operators see meanwhile that the partition does not get past it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bus::{ConsumerGroup, DecodeFailure, Decoder, PartitionFeed, Poison, RawRecord};
use runtime::backoff::Backoff;
use runtime::{Shutdown, chain};
use schemas::{AnyEvent, Recorded};

use crate::metrics;

/// From so many failures in a row on, a partition stands still: with the waits of the fulfilment after 5 s, with those of the
/// cashier after 20 s.
const PATIENCE: u32 = 8;

/// The waits until a schema that could not be had is asked for again.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// One partition's place in its group; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    group: &'static str,
    partition: Arc<str>,
    end: Shutdown,
    /// How many things keep it from going on.
    stuck: Arc<AtomicUsize>,
}

impl Place {
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

    /// Completes when there is nothing to do here any more.
    pub(crate) async fn lost(&self) {
        self.end.requested().await;
    }

    /// Gives the place up as soon as the process is to end: the feed may hear of that later.
    pub(super) async fn given_up_with(&self, process: &Shutdown) {
        process.requested().await;
        self.end.request();
    }

    /// Begins with something that may have to be tried more than once, with waits between these two.
    pub(crate) fn tries(&self, first: Duration, longest: Duration) -> Tries {
        Tries { place: self.clone(), backoff: Backoff::new(first, longest), failures: 0 }
    }

    /// The event of a record, or why it never gives one: waits while its schema cannot be had. `None` if the place is lost
    /// meanwhile.
    pub(crate) async fn decode(
        &self,
        decoder: &Decoder,
        record: &RawRecord,
    ) -> Option<Result<Recorded<AnyEvent>, Poison>> {
        let mut tries = self.tries(FIRST_WAIT, LONGEST_WAIT);
        loop {
            let decoded = tokio::select! {
                biased;
                () = self.lost() => return None,
                decoded = decoder.decode(record) => decoded,
            };
            match decoded {
                Ok(recorded) => return Some(Ok(recorded)),
                Err(DecodeFailure::Poison { reason }) => return Some(Err(reason)),
                Err(failure @ DecodeFailure::Unavailable { .. }) => {
                    let RawRecord { topic, partition, offset, .. } = record;
                    tracing::warn!(
                        error = chain(&failure),
                        "{topic}/{partition}@{offset} cannot be read yet by the {}: its schema is asked for again",
                        self.group
                    );
                    if !tries.again().await {
                        return None;
                    }
                }
            }
        }
    }

    /// One thing more keeps it from going on.
    fn keep(&self) {
        if self.stuck.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        tracing::error!(
            group = self.group,
            "{self} stands still: something failed {PATIENCE} times, as was logged, and is tried until it can be done; \
             no record from there on counts as done before; see docs/runbooks/fulfilment-failed.md"
        );
        stopped(self.group).increment(1);
    }

    /// One thing less does.
    fn release(&self) {
        if self.stuck.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        if !self.is_lost() {
            tracing::info!(group = self.group, "{self} goes on again");
        }
        stopped(self.group).decrement(1);
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.group, self.partition)
    }
}

/// The attempts at one thing. Dropping them ends what is said of it.
#[derive(Debug)]
pub(crate) struct Tries {
    place: Place,
    backoff: Backoff,
    failures: u32,
}

impl Tries {
    /// It failed: waits until it is to be tried again; returns whether it is.
    pub(crate) async fn again(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        if self.failures == PATIENCE {
            self.place.keep();
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
            () = self.place.lost() => false,
            () = self.backoff.wait() => true,
        }
    }

    fn go_on(&mut self) {
        if self.failures >= PATIENCE {
            self.place.release();
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
    #![expect(clippy::expect_used, reason = "a test fails by panicking")]

    use bus::{Header, Headers, KafkaConfig, Registry};
    use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
    use runtime::Process;
    use schemas::{OrderId, frame};

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
        let place = Place::new("cashier", "payments.events.v1/3", Shutdown::default());
        let (mut one, mut other) = (place.tries(MOMENT, MOMENT), place.tries(MOMENT, MOMENT));
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
        let place = Place::new("cashier", "payments.events.v1/3", end.clone());
        let mut tries = place.tries(Duration::from_secs(3_600), Duration::from_secs(3_600));
        end.request();
        assert!(!tries.again().await);
        assert!(place.is_lost());
    }

    /// Seen to fail when the wait is the decoder's own, which knows of no partition.
    #[tokio::test(start_paused = true)]
    async fn a_schema_that_cannot_be_had_is_told_and_waited_for_until_the_partition_is_lost() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let _here = ::metrics::set_default_local_recorder(&recorder);
        let nowhere = KafkaConfig::in_clear("127.0.0.1:1", "http://127.0.0.1:1");
        let process = Process::new("cashier", None);
        let decoder = Decoder::new(&Registry::connect(&nowhere, &process).expect("the address is one"));
        let headers = [
            (Header::Id, "00000000-0000-0000-0000-000000000000"),
            (Header::Type, "orderflow.payment.PaymentRequested"),
            (Header::Time, "2023-11-14T22:13:20Z"),
            (Header::Sequence, "1"),
        ];
        let record = RawRecord {
            topic: "payments.events.v1".into(),
            partition: 3,
            offset: 0,
            key: OrderId::from_bits(1).payment().stream().as_str().as_bytes().to_vec(),
            value: frame::wrap(1, b"of a schema that nobody knows here"),
            headers: Headers::collect(headers.map(|(header, text)| (header.name(), Some(text.as_bytes())))),
            written: None,
        };
        let end = Shutdown::default();
        let place = Place::new("cashier", "payments.events.v1/3", end.clone());
        let lose = async {
            while said(&metrics).is_none() {
                tokio::time::advance(MOMENT).await;
            }
            end.request();
        };
        let both = futures::future::join(place.decode(&decoder, &record), lose);
        let (decoded, ()) =
            tokio::time::timeout(Duration::from_secs(600), both).await.expect("it is told and given up");
        assert!(decoded.is_none(), "{decoded:?}");
        assert_eq!(said(&metrics).as_deref(), Some("{group=\"cashier\"} 0"), "whoever has it now tells of it");
        assert!(place.decode(&decoder, &record).await.is_none(), "nothing is begun with");
    }
}
