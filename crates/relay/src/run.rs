//! The relay: round after round over the lanes that it owns, woken by the doorbell, with a slow poll for what the
//! doorbell missed.

use std::convert::Infallible;
use std::time::Duration;

use event_store::{Doorbell, Lanes};
use futures::future::join;
use runtime::Process;
use runtime::backoff::Backoff;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::again::{Again, Throttle};
use crate::failures::Failures;
use crate::{Error, Limits, Log, Report, Rounds, metrics, presence};

/// Waits after a round that failed: an outage should cost little more than itself.
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(1);

/// How a relay works.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// How often the outbox is read although nothing rang.
    pub poll: Duration,
    /// How much a round does at a time.
    pub limits: Limits,
    /// How long the end of the process waits for the answers to what was sent.
    pub farewell: Duration,
    /// How far publishing again holds back.
    pub again: Throttle,
}

/// Where a relay publishes: two logs, each with rounds of its own.
#[derive(Debug, Clone)]
pub struct Logs<L> {
    /// For what is new.
    pub live: L,
    /// For what is published again.
    pub again: L,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(250),
            limits: Limits::default(),
            farewell: Duration::from_secs(10),
            again: Throttle::default(),
        }
    }
}

/// Publishes until shutdown: then it awaits the answers to what it has sent, removes those marks, and hands its lanes
/// over. Outages of the store or of the log only slow it down. What is to be published again is published behind what
/// is new, at a limited rate. The process's instance name must be unique among the
/// running relays; two of one name publish everything twice.
pub async fn run<L: Log>(
    config: Config,
    outbox: event_store::Outbox,
    logs: Logs<L>,
    process: Process,
) -> Result<(), Infallible> {
    runtime::metrics::describe(metrics::METRICS);
    let (sender, lanes) = watch::channel(Lanes::NONE);
    let done = CancellationToken::new();
    let me = process.instance.to_string();
    let presence = process.tasks.spawn("relay presence", presence::keep(outbox.clone(), me, sender, done.clone()));
    // Until a round has shown that there is nothing left to do.
    let busy = watch::Sender::new(true);
    let again = Again {
        throttle: config.again,
        outbox: outbox.again(),
        log: logs.again,
        lanes: lanes.clone(),
        busy: busy.subscribe(),
        shutdown: process.shutdown.clone(),
    };
    let (backoff, failures) = (Backoff::new(FIRST_RETRY, LAST_RETRY), Failures::new("a round of the relay"));
    let (doorbell, rounds) = (outbox.doorbell(), Rounds::new(outbox, config.limits));
    let relay = Relay { config, doorbell, rounds, log: logs.live, process, lanes, busy, backoff, failures };
    join(relay.publish(), again.publish()).await;
    done.cancel();
    // A panic in there was logged by the runtime, and at the end of the process it changes nothing.
    let _ = presence.await;
    Ok(())
}

struct Relay<L> {
    config: Config,
    doorbell: Doorbell,
    rounds: Rounds<event_store::Outbox>,
    log: L,
    process: Process,
    lanes: watch::Receiver<Lanes>,
    busy: watch::Sender<bool>,
    backoff: Backoff,
    failures: Failures,
}

impl<L: Log> Relay<L> {
    async fn publish(mut self) {
        let shutdown = self.process.shutdown.clone();
        let farewell = self.config.farewell;
        tokio::select! {
            () = self.publish_all() => {}
            () = async { shutdown.requested().await; tokio::time::sleep(farewell).await } => {
                tracing::warn!("the log did not answer in time, so what was sent last is published again");
            }
        }
    }

    /// Publishes until the request to end, and then what is under way.
    async fn publish_all(&mut self) {
        let stop = self.process.shutdown.token();
        while !stop.is_cancelled() {
            let lanes = *self.lanes.borrow_and_update();
            let mut pause = Pause::UntilNews { at_most: self.config.poll };
            if lanes != Lanes::NONE {
                let started = runtime::clock::monotonic();
                let report = self.rounds.next(&self.log, lanes, &stop).await;
                pause = self.note(report, started.elapsed());
            }
            // What could not lose its mark is published again by the next round.
            if let Err(failure) = self.wait(pause, lanes).await {
                self.failures.log(&failure, 0);
            }
        }
        if let Err(failure) = self.rounds.settle().await {
            self.failures.log(&failure, 0);
        }
    }

    fn note(&mut self, report: Report, took: Duration) -> Pause {
        metrics::PUBLISHED.add(report.published);
        metrics::STOPPED_STREAMS.set(u32::try_from(report.stopped_streams).unwrap_or(u32::MAX).into());
        if report.published > 0 {
            metrics::ROUND_SECONDS.record(took.as_secs_f64());
        }
        if !report.halted {
            self.busy.send_if_modified(|busy| std::mem::replace(busy, report.full) != report.full);
        }
        let Some(failure) = report.failure else {
            self.backoff.reset();
            self.failures.clear();
            return if report.full { Pause::None } else { Pause::UntilNews { at_most: self.config.poll } };
        };
        self.failures.log(&failure, report.stopped_streams);
        let pause = self.backoff.next();
        // Streams that can be published are not held up by those that cannot.
        match (report.halted, report.full && report.published > 0) {
            (true, _) => Pause::For(pause),
            (false, true) => Pause::None,
            (false, false) => Pause::UntilNews { at_most: pause.max(self.config.poll) },
        }
    }

    /// Waits, while the last marks are being removed; says whether they were.
    async fn wait(&mut self, pause: Pause, lanes: Lanes) -> Result<(), Error> {
        let Self { doorbell, rounds, process, lanes: owned, .. } = self;
        let wanted = async {
            match pause {
                Pause::None => {}
                Pause::For(time) => tokio::time::sleep(time).await,
                Pause::UntilNews { at_most } => tokio::select! {
                    () = doorbell.rung(lanes) => {}
                    () = tokio::time::sleep(at_most) => {}
                    _changed = owned.changed() => {}
                },
            }
        };
        let wanted = async {
            tokio::select! {
                () = process.shutdown.requested() => {}
                () = wanted => {}
            }
        };
        tokio::pin!(wanted);
        let settled = tokio::select! {
            biased;
            () = &mut wanted => return Ok(()),
            settled = rounds.settle() => settled,
        };
        wanted.await;
        settled.map(|_gone| ())
    }
}

/// What to wait for between two rounds.
#[derive(Debug, Clone, Copy)]
enum Pause {
    /// Nothing: there is more.
    None,
    /// The doorbell, other lanes, or the poll.
    UntilNews { at_most: Duration },
    /// This long: something failed.
    For(Duration),
}
