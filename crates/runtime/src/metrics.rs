//! Metrics as constants. Each crate lists its own in a `metrics.rs`; the documentation is made from those lists.
//!
//! ```
//! use runtime::metrics::{Metric, Unit};
//! pub const PUBLISHED: Metric = Metric::counter("relay_published_total", Unit::Count, "Events acknowledged by Kafka.");
//! PUBLISHED.add(1);
//! ```

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::Error;

/// Bounds of every histogram, in seconds.
const BUCKETS: &[f64] =
    &[0.000_5, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// What a metric's number means over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// What a metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// The unit in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
        }
    }
}

/// One metric: its name (units included), kind, unit and help. Labelled series use `metrics::counter!(X.name, ..)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// As Prometheus shows it.
    pub name: &'static str,
    /// What its number means over time.
    pub kind: Kind,
    /// What it counts.
    pub unit: Unit,
    /// One sentence for operators.
    pub help: &'static str,
}

impl Metric {
    /// A number that only grows; its name ends in `_total`.
    #[must_use]
    pub const fn counter(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, unit, help }
    }

    /// A number that goes up and down.
    #[must_use]
    pub const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, unit, help }
    }

    /// A distribution.
    #[must_use]
    pub const fn histogram(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self { name, kind: Kind::Histogram, unit, help }
    }

    /// Shows a counter with these labels from zero on. One that appears at 1 has not grown, as Prometheus sees it, so an alert
    /// on its growth would miss the first.
    pub fn begin_at_zero(&self, labels: &[(&'static str, &'static str)]) {
        metrics::counter!(self.name, labels).increment(0);
    }

    /// Adds to an unlabelled counter.
    pub fn add(&self, count: u64) {
        metrics::counter!(self.name).increment(count);
    }

    /// Sets an unlabelled gauge.
    pub fn set(&self, value: f64) {
        metrics::gauge!(self.name).set(value);
    }

    /// Adds one value to an unlabelled histogram.
    pub fn record(&self, value: f64) {
        metrics::histogram!(self.name).record(value);
    }

    fn describe(&self) {
        let unit = match self.unit {
            Unit::Count => metrics::Unit::Count,
            Unit::Seconds => metrics::Unit::Seconds,
            Unit::Bytes => metrics::Unit::Bytes,
        };
        match self.kind {
            Kind::Counter => metrics::describe_counter!(self.name, unit, self.help),
            Kind::Gauge => metrics::describe_gauge!(self.name, unit, self.help),
            Kind::Histogram => metrics::describe_histogram!(self.name, unit, self.help),
        }
    }
}

/// Tells the exporter about metrics, so that `/metrics` carries their help. Each crate calls it once for its list.
pub fn describe(list: &[Metric]) {
    for metric in list {
        metric.describe();
    }
}

/// Installs the recorder of the whole process.
pub(crate) fn install() -> Result<PrometheusHandle, Error> {
    let failed = |source| Error::Metrics { source };
    let builder = PrometheusBuilder::new().set_buckets(BUCKETS).map_err(failed)?;
    let handle = builder.install_recorder().map_err(failed)?;
    describe(crate::http::METRICS);
    describe(crate::trace::METRICS);
    describe(crate::admin::METRICS);
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen to fail when it appears with its first event.
    #[test]
    fn what_an_alert_looks_at_the_growth_of_is_shown_before_it_grows() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let feared = Metric { name: "feared_total", kind: Kind::Counter, unit: Unit::Count, help: "Feared." };
        metrics::with_local_recorder(&recorder, || {
            feared.begin_at_zero(&[]);
            feared.begin_at_zero(&[("projection", "orders")]);
        });
        let shown = recorder.handle().render();
        assert!(shown.contains("feared_total 0\n"), "{shown}");
        assert!(shown.contains("feared_total{projection=\"orders\"} 0\n"), "{shown}");
    }
}
