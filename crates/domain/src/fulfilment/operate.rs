//! What an operator can do with a fulfilment.

use schemas::{
    CompensationCause, FulfilmentCompensationStarted, FulfilmentCompleted, FulfilmentEvent, FulfilmentResult,
    FulfilmentResumed, FulfilmentStatus,
};

use super::{FulfilmentState, Operator};
use crate::Refusal;

type Decision = Result<Vec<FulfilmentEvent>, Refusal>;

impl FulfilmentState {
    /// Whatever could not be done is asked for once more.
    pub(super) fn retry(&self, operator: &Operator) -> Decision {
        match self.status() {
            FulfilmentStatus::Failed => {
                let (by, reason) = (operator.user.clone(), operator.reason.as_str().to_owned());
                Ok(vec![FulfilmentEvent::Resumed(FulfilmentResumed { reason, by })])
            }
            FulfilmentStatus::Reserving
            | FulfilmentStatus::AwaitingPayment
            | FulfilmentStatus::Capturing
            | FulfilmentStatus::Committing
            | FulfilmentStatus::Completed
            | FulfilmentStatus::Compensating => Err(self.not_operable()),
        }
    }

    /// An order that is fulfilled is not compensated but called off.
    pub(super) fn compensate(&self, operator: &Operator) -> Decision {
        match self.status() {
            FulfilmentStatus::Reserving
            | FulfilmentStatus::AwaitingPayment
            | FulfilmentStatus::Capturing
            | FulfilmentStatus::Committing
            | FulfilmentStatus::Failed => {
                let (by, reason) = (Some(operator.user.clone()), Some(operator.reason.as_str().to_owned()));
                let started = FulfilmentCompensationStarted { cause: CompensationCause::Operator, reason, by };
                Ok(vec![FulfilmentEvent::CompensationStarted(started)])
            }
            FulfilmentStatus::Compensating => Ok(vec![]),
            FulfilmentStatus::Completed => Err(self.not_operable()),
        }
    }

    /// Whatever is left is the operator's from now on. What takes back what it did may wait for the provider for ever.
    pub(super) fn abort(&self, operator: &Operator) -> Decision {
        match self.status() {
            FulfilmentStatus::Failed | FulfilmentStatus::Compensating => {
                let (by, reason) = (Some(operator.user.clone()), Some(operator.reason.as_str().to_owned()));
                let result = FulfilmentResult::Aborted;
                Ok(vec![FulfilmentEvent::Completed(FulfilmentCompleted { result, reason, by })])
            }
            FulfilmentStatus::Reserving
            | FulfilmentStatus::AwaitingPayment
            | FulfilmentStatus::Capturing
            | FulfilmentStatus::Committing
            | FulfilmentStatus::Completed => Err(self.not_operable()),
        }
    }

    const fn not_operable(&self) -> Refusal {
        Refusal::FulfilmentNotOperable { status: self.status() }
    }
}
