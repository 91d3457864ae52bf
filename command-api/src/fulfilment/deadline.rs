//! Deadlines of fulfilments: set before what relies on them, looked for every second by one process at a time. When one
//! is due an ordinary command is given, which changes nothing if things have moved on.

use std::convert::Infallible;
use std::time::Duration;

use domain::fulfilment::{Ask, FulfilmentState, OpenStep, Task};
use domain::stock::StockCommand;
use event_store::Deadline;
use futures::stream::{self, StreamExt as _};
use runtime::{Process, chain, clock};
use schemas::{FulfilmentId, FulfilmentStep, Sku, Timestamp, Version};
use tokio::time::{MissedTickBehavior, interval};

use super::{CALLER, Fulfilments, after};
use crate::intent::Intent;
use crate::streams::{Creates, Rejected};

/// How often it is looked whether anything is due.
const LOOK: Duration = Duration::from_secs(1);
/// How long a process that does not look any more keeps the others from looking.
const LEASE: Duration = Duration::from_secs(5);
/// How many are found at once.
const PAGE: u32 = 200;
/// How many are worked on at once.
const AT_ONCE: usize = 16;

/// When one that cannot be met is tried again.
const AGAIN: Duration = Duration::from_secs(30);
/// When one that this build does not know is looked at again.
const UNKNOWN: Duration = Duration::from_secs(60);

/// What a deadline is about; its text form is the end of the deadline's id.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    /// Pieces are held for too long, by the step of this number.
    Hold { number: i64, sku: Sku },
    /// The money should be there.
    Payment,
    /// What the provider did should be known, which it was not at this version of the payment.
    Outcome { since: Version },
    /// The provider should have done what the step of this number asks; the fulfilment's version at which that was waited
    /// for once more, if it was.
    Step { number: i64, again: Option<Version> },
}

/// What became of a deadline that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    /// It is of no more use.
    Done,
    /// Perhaps a newer build knows what it is about.
    Unknown,
}

impl About {
    fn of_step(task: &Task, open: OpenStep) -> Option<Self> {
        match (task.step, &task.sku) {
            (FulfilmentStep::RequestPayment, _) => Some(Self::Payment),
            (FulfilmentStep::Reserve, Some(sku)) => Some(Self::Hold { number: open.number, sku: sku.clone() }),
            // The provider may also answer for ever that it is not done, and no event tells that a refund's answer was lost.
            (FulfilmentStep::Capture | FulfilmentStep::Void | FulfilmentStep::Refund, _) => {
                Some(Self::Step { number: open.number, again: None })
            }
            (_without, _) => None,
        }
    }

    fn id(&self, fulfilment: &FulfilmentId) -> String {
        match self {
            Self::Hold { number, sku } => format!("{fulfilment}:hold:{number}:{sku}"),
            Self::Payment => format!("{fulfilment}:payment"),
            Self::Outcome { since } => format!("{fulfilment}:outcome:{since}"),
            Self::Step { number, again: None } => format!("{fulfilment}:step:{number}"),
            Self::Step { number, again: Some(version) } => format!("{fulfilment}:step:{number}:{version}"),
        }
    }

    fn parse(id: &str) -> Option<Self> {
        let mut parts = id.split(':').skip(1);
        match (parts.next()?, parts.next(), parts.next()) {
            ("hold", Some(number), Some(sku)) => {
                Some(Self::Hold { number: number.parse().ok()?, sku: Sku::parse(sku).ok()? })
            }
            ("payment", None, None) => Some(Self::Payment),
            ("outcome", Some(since), None) => Some(Self::Outcome { since: Version(since.parse().ok()?) }),
            ("step", Some(number), again) => {
                let again = again.map(|version| version.parse().map(Version)).transpose().ok()?;
                Some(Self::Step { number: number.parse().ok()?, again })
            }
            _ => None,
        }
    }
}

impl Fulfilments {
    /// Sets the deadlines of these steps, before their commands are given.
    pub(super) async fn set_deadlines(&self, id: &FulfilmentId, due: &[(Task, OpenStep)]) -> Result<(), Rejected> {
        let deadline = |(task, open): &(Task, OpenStep)| {
            let about = About::of_step(task, *open)?;
            let latest = match about {
                About::Hold { .. } | About::Payment => after(self.times.payment),
                About::Outcome { .. } | About::Step { .. } => after(self.times.unknown),
            };
            Some(self.deadline(id, &about, open.until.unwrap_or(latest)))
        };
        let deadlines: Vec<_> = due.iter().filter_map(deadline).collect();
        Ok(self.store.deadlines().set(&deadlines).await?)
    }

    /// The provider's answer was lost at this version of the payment: it must be known some day.
    pub(super) async fn expect_outcome(&self, id: &FulfilmentId, since: Version) -> Result<(), Rejected> {
        let deadline = self.deadline(id, &About::Outcome { since }, after(self.times.unknown));
        Ok(self.store.deadlines().set(&[deadline]).await?)
    }

    /// What is asked of the provider is waited for once more, since this version of the fulfilment.
    pub(super) async fn wait_again(&self, id: &FulfilmentId, since: Version) -> Result<(), Rejected> {
        let head = self.streams.fulfilments.at_least(id.stream(), since).await?;
        let asked = head.state.iter().flat_map(FulfilmentState::asked_of_the_provider);
        let steps = asked.map(|number| About::Step { number, again: Some(since) });
        let deadlines: Vec<_> = steps.map(|step| self.deadline(id, &step, after(self.times.unknown))).collect();
        Ok(self.store.deadlines().set(&deadlines).await?)
    }

    /// Drops what was set for a fulfilment that ended. What is missed comes for nothing.
    pub(super) async fn drop_deadlines(&self, id: &FulfilmentId) -> Result<(), Rejected> {
        Ok(self.store.deadlines().drop_all(&format!("{id}:")).await?)
    }

    fn deadline(&self, id: &FulfilmentId, about: &About, due: Timestamp) -> Deadline {
        Deadline { id: about.id(id), due, stream: id.stream().clone() }
    }

    /// Looks for what is due until the process ends.
    pub(super) async fn look_after_deadlines(self, process: Process) -> Result<(), Infallible> {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = process.shutdown.requested() => break,
                _ = look.tick() => {}
            }
            // What is broken off here is due once more for whoever looks next.
            let worked = tokio::select! {
                () = process.shutdown.requested() => break,
                worked = self.work_on_deadlines(&process.instance) => worked,
            };
            if let Err(rejected) = worked {
                tracing::warn!(error = chain(&rejected), "Deadlines cannot be looked after now");
            }
        }
        // Else the others wait a few seconds longer.
        let _ = self.store.deadlines().give_up_lease(&process.instance).await;
        Ok(())
    }

    pub(super) async fn work_on_deadlines(&self, instance: &str) -> Result<(), Rejected> {
        let deadlines = self.store.deadlines();
        while deadlines.lease(instance, LEASE).await? {
            let now = Timestamp::from_micros(clock::now_micros());
            let due = deadlines.due(now, PAGE).await?;
            if due.is_empty() {
                break;
            }
            let work = due.into_iter().map(|deadline| async move {
                let outcome = self.meet(&deadline, now).await;
                (deadline.id, outcome)
            });
            let (mut met, mut unknown, mut failed) = (Vec::new(), Vec::new(), Vec::new());
            let mut outcomes = stream::iter(work).buffer_unordered(AT_ONCE);
            while let Some((id, outcome)) = outcomes.next().await {
                match outcome {
                    Ok(Met::Done) => met.push(id),
                    Ok(Met::Unknown) => unknown.push(id),
                    Err(rejected) => {
                        tracing::warn!(
                            deadline.id = id,
                            error = chain(&rejected),
                            "{id} is due and is tried again later"
                        );
                        failed.push(id);
                    }
                }
            }
            deadlines.drop(&met).await?;
            // Else those that are due for the longest would keep all others from being found.
            deadlines.postpone(&failed, after(AGAIN)).await?;
            deadlines.postpone(&unknown, after(UNKNOWN)).await?;
        }
        Ok(())
    }

    /// Does what is due at this time, by which it was found: by a clock that was set back since then nothing would be due, and
    /// be dropped all the same. A refusal means that things have moved on.
    async fn meet(&self, deadline: &Deadline, now: Timestamp) -> Result<Met, Rejected> {
        let (Ok(id), Some(about)) = (FulfilmentId::parse(deadline.stream.as_str()), About::parse(&deadline.id)) else {
            tracing::error!(deadline.id, "The deadline {} is none that this build knows and is left", deadline.id);
            return Ok(Met::Unknown);
        };
        let outcome = match about {
            About::Hold { sku, .. } => {
                let command = StockCommand::Expire { order: id.order(), now };
                let intent = Intent::internal(CALLER, &deadline.id);
                self.streams.stock.execute(sku.stock(), Creates::No, command, intent).await.map(drop)
            }
            About::Payment => self.overdue(&id, Ask::PaymentOverdue, deadline).await,
            About::Outcome { since } => self.overdue(&id, Ask::OutcomeOverdue { since }, deadline).await,
            About::Step { number, .. } => self.overdue(&id, Ask::StepOverdue { number }, deadline).await,
        };
        match outcome {
            Ok(()) | Err(Rejected::Refused(_)) => Ok(Met::Done),
            Err(rejected) => Err(rejected),
        }
    }

    /// The fulfilment's own events say what is to be done then.
    async fn overdue(&self, id: &FulfilmentId, ask: Ask, deadline: &Deadline) -> Result<(), Rejected> {
        let command = self.command(ask);
        let intent = Intent::internal(CALLER, &deadline.id);
        self.streams.fulfilments.execute(id.stream().clone(), Creates::No, command, intent).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use schemas::OrderId;

    use super::*;

    #[test]
    fn a_deadline_is_read_from_its_id() {
        let id = OrderId::from_bits(7).fulfilment();
        let hold = About::Hold { number: 3, sku: Sku::parse("tea-green_1").unwrap() };
        let step = |again| About::Step { number: 4, again };
        let steps = [step(None), step(Some(Version(9)))];
        for about in [hold, About::Payment, About::Outcome { since: Version(2) }].into_iter().chain(steps) {
            assert_eq!(About::parse(&about.id(&id)), Some(about));
        }
        for unknown in ["tea", "step:4:tea", "step"] {
            assert_eq!(About::parse(&format!("{id}:{unknown}")), None);
        }
    }
}
