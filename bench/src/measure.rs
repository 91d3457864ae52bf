//! What is measured: operations, time, the CPU of each process, and how long single operations took.

use std::time::Duration;

use hdrhistogram::Histogram;
use runtime::clock::{self, Instant};
use serde::{Deserialize, Serialize};

/// What one side did in one round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Round {
    /// Operations that were completed.
    pub operations: u64,
    /// How long they took together.
    pub seconds: f64,
    /// What they cost.
    pub cpu: Vec<Cpu>,
    /// How long each took, where that was measured.
    pub times: Option<Quantiles>,
}

/// CPU of one process, user and system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cpu {
    /// The process's name.
    pub process: String,
    /// Microseconds per operation; to 10 ms in all, which is what the kernel counts in.
    pub micros: f64,
}

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
}

impl Round {
    /// Operations per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        real(self.operations) / self.seconds.max(1e-9)
    }
}

/// A stopwatch that also watches the CPU of processes.
#[derive(Debug)]
pub struct Meter {
    since: Instant,
    processes: Vec<(String, u32, Duration)>,
}

impl Meter {
    /// Starts; a process that does not run costs nothing.
    #[must_use]
    pub fn start(processes: &[(&str, Option<u32>)]) -> Self {
        let running = processes.iter().filter_map(|(name, pid)| Some(((*name).to_owned(), (*pid)?)));
        let processes = running.map(|(name, pid)| (name, pid, cpu_of(pid))).collect();
        Self { since: clock::monotonic(), processes }
    }

    /// How long it has been running.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// Stops: so many operations were completed since the start.
    #[must_use]
    pub fn stop(self, operations: u64, times: Option<&Times>) -> Round {
        let seconds = self.since.elapsed().as_secs_f64();
        let cost = |(process, pid, before): (String, u32, Duration)| {
            let used = cpu_of(pid).saturating_sub(before);
            Cpu { process, micros: used.as_secs_f64() * 1e6 / real(operations.max(1)) }
        };
        let cpu = self.processes.into_iter().map(cost).collect();
        Round { operations, seconds, cpu, times: times.map(Times::quantiles) }
    }
}

/// Clock ticks of `/proc` per second, on every architecture that we run on.
const TICKS: u64 = 100;

/// User and system time of a process so far; none when it is gone.
fn cpu_of(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    Duration::from_millis(ticks(&stat) * 1_000 / TICKS)
}

/// The sum of fields 14 and 15. The second field is a name in parentheses, which may hold spaces.
fn ticks(stat: &str) -> u64 {
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    behind_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// Resident memory of a process, in bytes.
#[must_use]
pub fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// Durations from a microsecond to a minute, to three digits.
#[derive(Debug, Clone)]
pub struct Times(Histogram<u64>);

const LONGEST: u64 = 60_000_000;

impl Default for Times {
    #[expect(clippy::expect_used, reason = "the bounds are constants that the histogram accepts")]
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, 3).expect("valid bounds"))
    }
}

impl Times {
    /// One more.
    pub fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(LONGEST);
        self.0.saturating_record(micros.clamp(1, LONGEST));
    }

    /// All of the others.
    pub fn add(&mut self, others: &Self) {
        // Both have the same bounds.
        let _added = self.0.add(&others.0);
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The percentiles.
    #[must_use]
    pub fn quantiles(&self) -> Quantiles {
        let at = |quantile| real(self.0.value_at_quantile(quantile)) / 1_000.0;
        Quantiles { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
    }
}

/// A count as a number to calculate with; beyond four thousand million it stays there.
#[must_use]
pub fn real(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The median; not a number when there is none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    let (upper, lower) = (sorted.len() / 2, sorted.len().saturating_sub(1) / 2);
    f64::midpoint(at(lower), at(upper))
}

/// The lowest and the highest.
#[must_use]
pub fn spread(values: &[f64]) -> (f64, f64) {
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    (lowest, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle_and_the_spread_at_the_ends() {
        assert_eq!([median(&[3.0]), median(&[4.0, 1.0]), median(&[9.0, 1.0, 2.0])], [3.0, 2.5, 2.0]);
        assert!(median(&[]).is_nan());
        assert_eq!(spread(&[2.0, 1.0, 3.0]), (1.0, 3.0));
    }

    #[test]
    fn the_cpu_of_a_process_is_found_behind_a_name_with_spaces() {
        assert_eq!(ticks("7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 30 12 13 14"), 42);
        assert_eq!(ticks(""), 0);
        assert!(memory(std::process::id()) > 0);
    }

    #[test]
    fn percentiles_are_those_of_all_that_was_recorded() {
        let (mut odd, mut even) = (Times::default(), Times::default());
        for millis in 1..=50 {
            odd.record(Duration::from_millis(2 * millis - 1));
            even.record(Duration::from_millis(2 * millis));
        }
        odd.add(&even);
        let Quantiles { p50, p99, .. } = odd.quantiles();
        assert_eq!((odd.count(), p50.round(), p99.round()), (100, 50.0, 99.0));
    }
}
