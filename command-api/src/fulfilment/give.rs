//! Gives the commands of the steps that fulfilments decided on.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use domain::Refusal;
use domain::fulfilment::{Ask, FulfilmentState, OpenStep, Phase, StepCommand, Task};
use schemas::{FulfilmentId, FulfilmentOutcome, FulfilmentResult, FulfilmentStep, Version};
use tokio::sync::MutexGuard;

use super::{CALLER, Fulfilments};
use crate::intent::{Cause, Intent};
use crate::streams::{Creates, Done, Rejected};

impl Fulfilments {
    /// Gives the commands of all open steps, in the order in which they were recorded, and those of whatever follows from
    /// their answers. `version` is the least that must be known of the fulfilment.
    pub(super) async fn give_steps(&self, id: &FulfilmentId, version: Version, cause: &Cause) -> Result<(), Rejected> {
        let _turn = self.turn(id).await;
        let mut version = version;
        loop {
            let head = self.streams.fulfilments.at_least(id.stream(), version).await?;
            let Some(state) = head.state.as_ref() else { return Ok(()) };
            let cause = Cause { at: head.at, ..cause.clone() };
            let due = self.due(id, state);
            if due.is_empty() {
                return self.tidy(id, state).await;
            }
            self.set_deadlines(id, &due).await?;
            let mut settled = None;
            for (task, open) in due {
                if let Some(outcome) = self.give(id, state, (&task, open), &cause).await? {
                    settled = Some(self.settle(id, (task, open), outcome, &cause).await?);
                }
            }
            let Some(done) = settled else { return Ok(()) };
            version = done.version;
        }
    }

    /// The open steps that this process did not give yet, oldest first.
    fn due(&self, id: &FulfilmentId, state: &FulfilmentState) -> Vec<(Task, OpenStep)> {
        let open = state.open.iter().map(|(task, open)| (task.clone(), *open));
        let mut due: Vec<_> =
            open.filter(|(_, open)| self.given.get(&(id.stream().clone(), open.number)).is_none()).collect();
        due.sort_by_key(|(_, open)| open.number);
        due
    }

    /// Gives one step's command. Most outcomes are told by the participant's events; those that are not are returned.
    pub(super) async fn give(
        &self,
        id: &FulfilmentId,
        state: &FulfilmentState,
        (task, open): (&Task, OpenStep),
        cause: &Cause,
    ) -> Result<Option<FulfilmentOutcome>, Rejected> {
        let key = (id.stream().clone(), open.number);
        let Some(command) = state.command(task, open) else { return Ok(Some(FulfilmentOutcome::Refused)) };
        let intent = Intent::internal(CALLER, &format!("{id}:{}", open.number)).because(cause.clone());
        self.given.insert(key.clone(), ());
        match self.execute(id, command, intent).await {
            Ok(_) if task.step == FulfilmentStep::Restock => Ok(Some(FulfilmentOutcome::Done)),
            Ok(_) => Ok(None),
            Err(Rejected::Refused(Refusal::NothingToRefund)) => Ok(Some(FulfilmentOutcome::Done)),
            Err(Rejected::Refused(refusal)) => {
                tracing::info!(order.id = %id.order(), "{} of {}: {refusal}", task.step, id.order());
                Ok(Some(FulfilmentOutcome::Refused))
            }
            Err(rejected) => {
                self.given.remove(&key);
                Err(rejected)
            }
        }
    }

    async fn execute(&self, id: &FulfilmentId, command: StepCommand, intent: Intent) -> Result<Done, Rejected> {
        let (order, streams) = (id.order(), &self.streams);
        match command {
            StepCommand::Order(command) => {
                streams.orders.execute(order.stream().clone(), Creates::No, command, intent).await
            }
            StepCommand::Stock(sku, command) => streams.stock.execute(sku.stock(), Creates::No, command, intent).await,
            StepCommand::Payment(command) => {
                streams.payments.execute(order.payment().stream().clone(), Creates::No, command, intent).await
            }
        }
    }

    pub(super) async fn settle(
        &self,
        id: &FulfilmentId,
        (task, open): (Task, OpenStep),
        outcome: FulfilmentOutcome,
        cause: &Cause,
    ) -> Result<Done, Rejected> {
        let command = self.command(Ask::Settle { task, number: open.number, outcome });
        let intent = Intent::caused(CALLER, cause.clone());
        let settled = self.streams.fulfilments.execute(id.stream().clone(), Creates::No, command, intent).await;
        if settled.is_err() {
            self.given.remove(&(id.stream().clone(), open.number));
        }
        settled
    }

    /// Waits until nobody else here gives steps of this fulfilment.
    async fn turn(&self, id: &FulfilmentId) -> Option<MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let index = usize::try_from(hasher.finish()).unwrap_or_default() % self.turns.len().max(1);
        Some(self.turns.get(index)?.lock().await)
    }

    /// Nothing is waited for any more once a fulfilment has ended. One that was ended as it stood may still hold pieces:
    /// it keeps its deadlines, by which they come back.
    async fn tidy(&self, id: &FulfilmentId, state: &FulfilmentState) -> Result<(), Rejected> {
        let ended = match state.phase {
            Phase::Completed(FulfilmentResult::Fulfilled | FulfilmentResult::Compensated) => {
                (id.stream().clone(), -state.steps())
            }
            Phase::Completed(FulfilmentResult::Aborted | FulfilmentResult::Unknown)
            | Phase::Reserving
            | Phase::AwaitingPayment
            | Phase::Capturing
            | Phase::Committing
            | Phase::Compensating => return Ok(()),
        };
        if self.given.get(&ended).is_none() {
            self.drop_deadlines(id).await?;
            self.given.insert(ended, ());
        }
        Ok(())
    }
}
