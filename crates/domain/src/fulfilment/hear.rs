//! What other streams tell, and what the commands of steps are answered. What is known already changes nothing.

use schemas::{
    CompensationCause, FulfilmentCompensationStarted, FulfilmentEvent, FulfilmentFailed, FulfilmentHoldLost,
    FulfilmentOutcome, FulfilmentPaymentLost, FulfilmentResult, FulfilmentStep, FulfilmentStepDone, RefundId, Sku,
    Version,
};

use super::{FulfilmentState, Funds, GoodsStatus, News, OrderNews, PaymentNews, Phase, StockNews, Task};

impl FulfilmentState {
    pub(super) fn hear(&self, news: &News) -> Vec<FulfilmentEvent> {
        match news {
            // Whatever happens then is the operator's.
            _ if self.phase == Phase::Completed(FulfilmentResult::Aborted) => vec![],
            News::Order(news) => self.hear_order(*news),
            News::Stock { sku, version, news } => self.hear_stock(sku, *version, *news),
            News::Payment { version, news } => self.hear_payment(*version, news),
        }
    }

    fn hear_order(&self, news: OrderNews) -> Vec<FulfilmentEvent> {
        let done = |step| self.done_if_open(Task::of(step), FulfilmentOutcome::Done, Version::NONE);
        match news {
            OrderNews::Reserved => done(FulfilmentStep::ConfirmReservation),
            OrderNews::Rejected => done(FulfilmentStep::Reject),
            OrderNews::Paid => done(FulfilmentStep::MarkPaid),
            OrderNews::Cancelled if self.order.ended => vec![],
            OrderNews::Cancelled => match self.phase {
                Phase::Reserving
                | Phase::AwaitingPayment
                | Phase::Capturing
                | Phase::Committing
                | Phase::Completed(FulfilmentResult::Fulfilled) => {
                    vec![compensation(CompensationCause::OrderCancelled)]
                }
                Phase::Compensating => {
                    vec![step_done(&Task::of(FulfilmentStep::Cancel), FulfilmentOutcome::Done, Version::NONE)]
                }
                Phase::Completed(
                    FulfilmentResult::Compensated | FulfilmentResult::Aborted | FulfilmentResult::Unknown,
                ) => vec![],
            },
        }
    }

    /// A stock's stream tells of an order's pieces several times if they are held several times, so what is old is
    /// known by its version.
    fn hear_stock(&self, sku: &Sku, version: Version, news: StockNews) -> Vec<FulfilmentEvent> {
        let Some(goods) = self.goods.get(sku).filter(|goods| goods.version < version) else { return vec![] };
        let done = |step, outcome| self.done_if_open(Task::with(step, sku), outcome, version);
        match news {
            StockNews::Held => done(FulfilmentStep::Reserve, FulfilmentOutcome::Done),
            StockNews::Denied => done(FulfilmentStep::Reserve, FulfilmentOutcome::Denied),
            StockNews::Committed => done(FulfilmentStep::CommitStock, FulfilmentOutcome::Done),
            StockNews::Gone if self.open.contains_key(&Task::with(FulfilmentStep::Release, sku)) => {
                done(FulfilmentStep::Release, FulfilmentOutcome::Done)
            }
            StockNews::Gone if goods.status == GoodsStatus::Held => {
                let lost = FulfilmentHoldLost { sku: sku.clone(), version: version.0.into() };
                vec![FulfilmentEvent::HoldLost(lost)]
            }
            StockNews::Gone => vec![],
        }
    }

    fn hear_payment(&self, version: Version, news: &PaymentNews) -> Vec<FulfilmentEvent> {
        let done = |step, outcome| self.done_if_open(Task::of(step), outcome, version);
        match news {
            PaymentNews::Authorized => done(FulfilmentStep::RequestPayment, FulfilmentOutcome::Done),
            PaymentNews::Declined => done(FulfilmentStep::RequestPayment, FulfilmentOutcome::Denied),
            PaymentNews::Captured => done(FulfilmentStep::Capture, FulfilmentOutcome::Done),
            PaymentNews::Voided if self.is_open(FulfilmentStep::Void) => {
                done(FulfilmentStep::Void, FulfilmentOutcome::Done)
            }
            PaymentNews::Voided | PaymentNews::Expired => match self.funds {
                Funds::Asked | Funds::SetAside => {
                    vec![FulfilmentEvent::PaymentLost(FulfilmentPaymentLost { version: version.0.into() })]
                }
                Funds::NotAsked | Funds::Taken | Funds::Gone => vec![],
            },
            PaymentNews::Refunded(refund) if self.is_ours(refund) => {
                done(FulfilmentStep::Refund, FulfilmentOutcome::Done)
            }
            PaymentNews::RefundRejected(refund) if self.is_ours(refund) => {
                let mut events = done(FulfilmentStep::Refund, FulfilmentOutcome::Denied);
                if !events.is_empty() {
                    events.push(failed("the provider refuses to give the money back"));
                }
                events
            }
            PaymentNews::Refunded(_) => vec![],
            PaymentNews::RefundRejected(_) => self.left_behind(version),
        }
    }

    /// A refund that somebody else had asked for, and that was counted as given back when all was to be, is refused: its
    /// money is still here, and only a person can say what is to be done.
    fn left_behind(&self, version: Version) -> Vec<FulfilmentEvent> {
        let refused = failed("the provider refused a refund that was asked for before: its money is still here");
        let is_news = self.failure.is_none() && self.funds_version < version;
        match self.phase {
            Phase::Compensating if is_news && self.is_open(FulfilmentStep::Refund) => vec![refused],
            Phase::Completed(FulfilmentResult::Compensated) if is_news && self.funds == Funds::Gone => {
                vec![step_done(&Task::of(FulfilmentStep::Refund), FulfilmentOutcome::Denied, version), refused]
            }
            Phase::Reserving
            | Phase::AwaitingPayment
            | Phase::Capturing
            | Phase::Committing
            | Phase::Compensating
            | Phase::Completed(_) => vec![],
        }
    }

    fn is_ours(&self, refund: &RefundId) -> bool {
        let open = self.open.get(&Task::of(FulfilmentStep::Refund));
        open.and_then(|open| Self::refund(open.number)).is_some_and(|ours| ours == *refund)
    }

    /// The command of a step was answered. A refusal may say that there is nothing left to do, that somebody was
    /// faster, or that only a person can help.
    pub(super) fn settle(&self, task: &Task, number: i64, outcome: FulfilmentOutcome) -> Vec<FulfilmentEvent> {
        if self.open.get(task).is_none_or(|open| open.number != number) {
            return vec![];
        }
        let mut events = self.done_if_open(task.clone(), outcome, Version::NONE);
        if outcome == FulfilmentOutcome::Done {
            return events;
        }
        let goes_on = self.phase != Phase::Compensating;
        match task.step {
            FulfilmentStep::ConfirmReservation | FulfilmentStep::MarkPaid if goes_on => {
                events.push(compensation(CompensationCause::OrderCancelled));
            }
            FulfilmentStep::Capture if goes_on => events.push(compensation(CompensationCause::PaymentFailed)),
            FulfilmentStep::RequestPayment if goes_on => events.push(failed("the payment cannot be requested")),
            FulfilmentStep::Restock => events.push(failed("the pieces cannot be booked in again")),
            FulfilmentStep::Void => events.push(failed("the money cannot be let go")),
            FulfilmentStep::Refund => events.push(failed("the money cannot be given back")),
            FulfilmentStep::Cancel => events.push(failed("the order cannot be called off any more")),
            FulfilmentStep::ConfirmReservation
            | FulfilmentStep::MarkPaid
            | FulfilmentStep::Capture
            | FulfilmentStep::RequestPayment
            | FulfilmentStep::Reserve
            | FulfilmentStep::Release
            | FulfilmentStep::CommitStock
            | FulfilmentStep::Reject
            | FulfilmentStep::Unknown => {}
        }
        events
    }

    /// Money that is not there in time is not waited for any longer.
    pub(super) fn payment_overdue(&self) -> Vec<FulfilmentEvent> {
        let waits = self.phase == Phase::AwaitingPayment && matches!(self.funds, Funds::NotAsked | Funds::Asked);
        if waits { vec![compensation(CompensationCause::PaymentOverdue)] } else { vec![] }
    }

    /// Asking the provider has not helped; a person must.
    pub(super) fn outcome_overdue(&self, since: Version) -> Vec<FulfilmentEvent> {
        let waits = self.asked_of_the_provider().next().is_some() && self.funds_version <= since;
        self.nobody_knows_if(waits)
    }

    /// The same, of what one step asks.
    pub(super) fn step_overdue(&self, number: i64) -> Vec<FulfilmentEvent> {
        let waits = self.asked_of_the_provider().any(|asked| asked == number);
        self.nobody_knows_if(waits)
    }

    fn nobody_knows_if(&self, waits: bool) -> Vec<FulfilmentEvent> {
        if waits && self.failure.is_none() { vec![failed("nobody knows what the provider did")] } else { vec![] }
    }

    fn done_if_open(&self, task: Task, outcome: FulfilmentOutcome, version: Version) -> Vec<FulfilmentEvent> {
        if self.open.contains_key(&task) { vec![step_done(&task, outcome, version)] } else { vec![] }
    }
}

pub(super) fn compensation(cause: CompensationCause) -> FulfilmentEvent {
    FulfilmentEvent::CompensationStarted(FulfilmentCompensationStarted { cause, reason: None, by: None })
}

fn failed(reason: &str) -> FulfilmentEvent {
    FulfilmentEvent::Failed(FulfilmentFailed { reason: reason.to_owned() })
}

fn step_done(task: &Task, outcome: FulfilmentOutcome, version: Version) -> FulfilmentEvent {
    let Task { step, sku } = task.clone();
    FulfilmentEvent::StepDone(FulfilmentStepDone { step, sku, outcome, version: version.0.into() })
}
