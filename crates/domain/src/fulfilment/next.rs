//! What a fulfilment does next. It follows from what is known, not from the order in which that came to be known.

use schemas::{
    CompensationCause, FulfilmentCompleted, FulfilmentEvent, FulfilmentResult, FulfilmentStep, FulfilmentStepRecorded,
    Sku, Timestamp,
};

use super::hear::compensation;
use super::{Fulfilment, FulfilmentState, Funds, GoodsStatus, Phase, Task};
use crate::Aggregate as _;

/// These events, and whatever they lead to.
pub(super) fn with_what_follows(
    state: Option<&FulfilmentState>,
    told: Vec<FulfilmentEvent>,
    hold_until: Timestamp,
) -> Vec<FulfilmentEvent> {
    let (mut state, mut all, mut news) = (state.cloned(), Vec::new(), told);
    while !news.is_empty() {
        state = news.iter().fold(state, Fulfilment::evolve);
        all.append(&mut news);
        news = state.as_ref().map(|state| state.next(hold_until)).unwrap_or_default();
    }
    all
}

impl FulfilmentState {
    /// The next steps, or the next phase; nothing while there is something to wait for.
    fn next(&self, hold_until: Timestamp) -> Vec<FulfilmentEvent> {
        if self.failure.is_some() {
            return vec![];
        }
        match self.phase {
            Phase::Reserving => {
                let confirm = [Task::of(FulfilmentStep::ConfirmReservation), Task::of(FulfilmentStep::RequestPayment)];
                self.once_held(hold_until, confirm.into())
            }
            Phase::AwaitingPayment => match self.funds {
                Funds::NotAsked => self.record([Task::of(FulfilmentStep::RequestPayment)]),
                Funds::Asked | Funds::Taken => vec![],
                Funds::SetAside => self.once_held(hold_until, vec![Task::of(FulfilmentStep::Capture)]),
                Funds::Gone => vec![compensation(CompensationCause::PaymentFailed)],
            },
            Phase::Capturing => match self.funds {
                Funds::Gone => vec![compensation(CompensationCause::PaymentFailed)],
                Funds::NotAsked | Funds::Asked | Funds::SetAside | Funds::Taken => vec![],
            },
            Phase::Committing => self.hand_out(hold_until),
            Phase::Compensating => self.take_back(),
            Phase::Completed(_) => vec![],
        }
    }

    /// These steps, as soon as every piece is held; pieces that are not are asked for (again) first.
    fn once_held(&self, hold_until: Timestamp, steps: Vec<Task>) -> Vec<FulfilmentEvent> {
        if self.any(GoodsStatus::Denied) {
            return vec![compensation(CompensationCause::OutOfStock)];
        }
        if self.any(GoodsStatus::Wanted) { self.reserve(hold_until) } else { self.record(steps) }
    }

    fn reserve(&self, hold_until: Timestamp) -> Vec<FulfilmentEvent> {
        let wanted = self.goods_that_are(GoodsStatus::Wanted, FulfilmentStep::Reserve);
        let held = self.numbered(wanted).map(|step| {
            let until = self.later_than_last(step.sku.as_ref(), hold_until);
            FulfilmentStepRecorded { until: Some(until), ..step }
        });
        held.map(FulfilmentEvent::StepRecorded).collect()
    }

    /// No two reservations are held until the same time, whatever the clock says: it tells them apart.
    fn later_than_last(&self, sku: Option<&Sku>, until: Timestamp) -> Timestamp {
        let last = sku.and_then(|sku| self.goods.get(sku)?.until);
        last.map_or(until, |last| until.max(last.next()))
    }

    /// The money is taken: tell the order, and hand the pieces out. Pieces whose time was over are asked for again first,
    /// for an order that is paid may be shipped.
    fn hand_out(&self, hold_until: Timestamp) -> Vec<FulfilmentEvent> {
        if self.any(GoodsStatus::Denied) {
            return vec![compensation(CompensationCause::OutOfStock)];
        }
        if self.any(GoodsStatus::Wanted) {
            return self.reserve(hold_until);
        }
        let mark = Task::of(FulfilmentStep::MarkPaid);
        let mark = (!self.order.paid && !self.open.contains_key(&mark)).then_some(mark);
        let held = self.goods_that_are(GoodsStatus::Held, FulfilmentStep::CommitStock);
        let steps = self.record(mark.into_iter().chain(held));
        let handed_out = self.goods.values().all(|goods| goods.status == GoodsStatus::Committed);
        if handed_out && self.order.paid && self.open.is_empty() {
            vec![completed(FulfilmentResult::Fulfilled)]
        } else {
            steps
        }
    }

    /// Lets go of the money or gives it back, releases the pieces, ends the order; each as soon as it is known what
    /// there is to take back. An order whose money is taken may be shipped, so it must have ended before.
    fn take_back(&self) -> Vec<FulfilmentEvent> {
        if self.funds == Funds::Taken && !self.order.ended {
            return self.record(self.end_of_order());
        }
        let released = self.goods_that_are(GoodsStatus::Held, FulfilmentStep::Release);
        let released = released.filter(|task| !self.is_being_handed_out(task.sku.as_ref()));
        let restocked = self.goods_that_are(GoodsStatus::Committed, FulfilmentStep::Restock);
        let steps =
            self.record(self.money_back().into_iter().chain(released).chain(restocked).chain(self.end_of_order()));
        let nothing_left = steps.is_empty() && self.open.is_empty();
        if nothing_left { vec![completed(FulfilmentResult::Compensated)] } else { steps }
    }

    fn money_back(&self) -> Option<Task> {
        let step = match self.funds {
            // What is being taken can only be given back.
            Funds::SetAside if self.is_open(FulfilmentStep::Capture) => return None,
            Funds::Asked | Funds::SetAside => FulfilmentStep::Void,
            Funds::Taken => FulfilmentStep::Refund,
            Funds::NotAsked | Funds::Gone => return None,
        };
        (!self.is_open(step)).then_some(Task::of(step))
    }

    fn end_of_order(&self) -> Option<Task> {
        if self.order.ended || self.is_open(FulfilmentStep::Reject) || self.is_open(FulfilmentStep::Cancel) {
            return None;
        }
        let lacks = self.compensation.as_ref().is_some_and(|why| why.cause == CompensationCause::OutOfStock);
        let step = if lacks && !self.order.confirming { FulfilmentStep::Reject } else { FulfilmentStep::Cancel };
        Some(Task::of(step))
    }

    fn is_being_handed_out(&self, sku: Option<&Sku>) -> bool {
        sku.is_some_and(|sku| self.open.contains_key(&Task::with(FulfilmentStep::CommitStock, sku)))
    }

    fn any(&self, status: GoodsStatus) -> bool {
        self.goods.values().any(|goods| goods.status == status)
    }

    /// This step with the stock of every SKU of this status, as far as it is not open already; sorted by SKU.
    fn goods_that_are(&self, status: GoodsStatus, step: FulfilmentStep) -> impl Iterator<Item = Task> {
        let those = self.goods.iter().filter(move |(_, goods)| goods.status == status);
        those.map(move |(sku, _)| Task::with(step, sku)).filter(move |task| !self.open.contains_key(task))
    }

    fn record(&self, tasks: impl IntoIterator<Item = Task>) -> Vec<FulfilmentEvent> {
        self.numbered(tasks).map(FulfilmentEvent::StepRecorded).collect()
    }

    fn numbered(&self, tasks: impl IntoIterator<Item = Task>) -> impl Iterator<Item = FulfilmentStepRecorded> {
        let numbers = (1..).map(move |next| self.recorded.saturating_add(next));
        let step = |(Task { step, sku }, number)| FulfilmentStepRecorded { number, step, sku, until: None };
        tasks.into_iter().zip(numbers).map(step)
    }
}

fn completed(result: FulfilmentResult) -> FulfilmentEvent {
    FulfilmentEvent::Completed(FulfilmentCompleted { result, reason: None, by: None })
}
