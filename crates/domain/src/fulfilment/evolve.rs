//! How each event changes what is known of a fulfilment that began.

use std::collections::BTreeMap;

use schemas::{
    CompensationCause, FulfilmentCompensationStarted, FulfilmentEvent, FulfilmentOutcome, FulfilmentStarted,
    FulfilmentStep, FulfilmentStepDone, FulfilmentStepRecorded, Sku, Version,
};

use super::{Compensation, FulfilmentState, Funds, Goods, GoodsStatus, OpenStep, OrderProgress, Phase, Task};

impl FulfilmentState {
    pub(super) fn started(started: &FulfilmentStarted) -> Self {
        let wanted = Goods { status: GoodsStatus::Wanted, version: Version::NONE, until: None };
        Self {
            details: started.into(),
            phase: Phase::Reserving,
            failure: None,
            open: BTreeMap::new(),
            compensation: None,
            recorded: 0,
            goods: started.items.iter().map(|item| (item.sku.clone(), wanted)).collect(),
            funds: Funds::NotAsked,
            funds_version: Version::NONE,
            order: OrderProgress::default(),
        }
    }

    pub(super) fn after(mut self, event: &FulfilmentEvent) -> Self {
        match event {
            FulfilmentEvent::Started(_) => {}
            FulfilmentEvent::StepRecorded(recorded) => self.opened(recorded),
            FulfilmentEvent::StepDone(done) => self.done(done),
            FulfilmentEvent::HoldLost(lost) => self.hold_lost(&lost.sku, lost.version),
            FulfilmentEvent::PaymentLost(lost) => {
                self.funds_version = version(lost.version);
                self.funds_gone();
            }
            FulfilmentEvent::CompensationStarted(started) => self.compensating(started),
            FulfilmentEvent::Completed(completed) => {
                self.phase = Phase::Completed(completed.result);
                self.failure = None;
                self.open.clear();
            }
            FulfilmentEvent::Failed(failed) => self.failure = Some(failed.reason.clone()),
            FulfilmentEvent::Resumed(_) => self.failure = None,
        }
        self
    }

    fn opened(&mut self, recorded: &FulfilmentStepRecorded) {
        let FulfilmentStepRecorded { number, step, sku, until } = recorded.clone();
        self.recorded = number;
        self.open.insert(Task { step, sku }, OpenStep { number, until });
        match step {
            FulfilmentStep::ConfirmReservation => self.order.confirming = true,
            FulfilmentStep::RequestPayment => {
                self.funds = Funds::Asked;
                self.phase = Phase::AwaitingPayment;
            }
            FulfilmentStep::Capture => self.phase = Phase::Capturing,
            FulfilmentStep::Reserve => {
                if let Some(goods) = recorded.sku.as_ref().and_then(|sku| self.goods.get_mut(sku)) {
                    goods.until = until;
                }
            }
            FulfilmentStep::Release
            | FulfilmentStep::CommitStock
            | FulfilmentStep::Restock
            | FulfilmentStep::Reject
            | FulfilmentStep::MarkPaid
            | FulfilmentStep::Cancel
            | FulfilmentStep::Void
            | FulfilmentStep::Refund
            | FulfilmentStep::Unknown => {}
        }
    }

    fn done(&mut self, done: &FulfilmentStepDone) {
        let FulfilmentStepDone { step, sku, outcome, version } = done;
        self.open.remove(&Task { step: *step, sku: sku.clone() });
        let is_done = *outcome == FulfilmentOutcome::Done;
        match step {
            FulfilmentStep::Reserve => {
                self.of(sku, if is_done { GoodsStatus::Held } else { GoodsStatus::Denied }, *version);
            }
            // Refused: nothing is held any more, which is all that was wanted.
            FulfilmentStep::Release => self.of(sku, GoodsStatus::Released, *version),
            FulfilmentStep::CommitStock => {
                self.of(sku, if is_done { GoodsStatus::Committed } else { GoodsStatus::Wanted }, *version);
            }
            FulfilmentStep::Restock if is_done => self.of(sku, GoodsStatus::Restocked, *version),
            FulfilmentStep::RequestPayment
            | FulfilmentStep::Capture
            | FulfilmentStep::Void
            | FulfilmentStep::Refund => self.money_done(done),
            FulfilmentStep::MarkPaid if is_done => self.order.paid = true,
            // Refused: it ended in the other way.
            FulfilmentStep::Reject => self.order.ended = true,
            FulfilmentStep::Cancel if is_done => self.order.ended = true,
            FulfilmentStep::Restock
            | FulfilmentStep::MarkPaid
            | FulfilmentStep::Cancel
            | FulfilmentStep::ConfirmReservation
            | FulfilmentStep::Unknown => {}
        }
    }

    fn money_done(&mut self, done: &FulfilmentStepDone) {
        self.funds_version = self.funds_version.max(version(done.version));
        let is_request = done.step == FulfilmentStep::RequestPayment;
        match done.outcome {
            FulfilmentOutcome::Done if is_request => self.funds = Funds::SetAside,
            FulfilmentOutcome::Denied if is_request => self.funds_gone(),
            FulfilmentOutcome::Refused | FulfilmentOutcome::Unknown if is_request => self.funds = Funds::NotAsked,
            FulfilmentOutcome::Done if done.step == FulfilmentStep::Capture => {
                self.funds = Funds::Taken;
                if self.phase == Phase::Capturing {
                    self.phase = Phase::Committing;
                }
            }
            FulfilmentOutcome::Done => self.funds_gone(),
            // It had been counted as given back.
            FulfilmentOutcome::Denied if done.step == FulfilmentStep::Refund && self.funds == Funds::Gone => {
                self.funds = Funds::Taken;
            }
            // What could not be taken, let go or given back is where it was.
            FulfilmentOutcome::Denied | FulfilmentOutcome::Refused | FulfilmentOutcome::Unknown => {}
        }
    }

    /// No money is with us, and nothing that was asked about it matters any more.
    fn funds_gone(&mut self) {
        self.funds = Funds::Gone;
        for step in [FulfilmentStep::RequestPayment, FulfilmentStep::Capture, FulfilmentStep::Void] {
            self.open.remove(&Task::of(step));
        }
    }

    fn compensating(&mut self, started: &FulfilmentCompensationStarted) {
        self.phase = Phase::Compensating;
        self.failure = None;
        self.compensation = Some(Compensation { cause: started.cause, reason: started.reason.clone() });
        self.order.ended |= started.cause == CompensationCause::OrderCancelled;
    }

    fn of(&mut self, sku: &Option<Sku>, status: GoodsStatus, version: i64) {
        if let Some(sku) = sku {
            self.goods(sku, status, version);
        }
    }

    /// Nothing is held that could be handed out.
    fn hold_lost(&mut self, sku: &Sku, version: i64) {
        self.goods(sku, GoodsStatus::Wanted, version);
        self.open.remove(&Task::with(FulfilmentStep::CommitStock, sku));
    }

    /// An answer of a command has no version, and leaves the one that is known.
    fn goods(&mut self, sku: &Sku, status: GoodsStatus, version: i64) {
        if let Some(goods) = self.goods.get_mut(sku) {
            goods.status = status;
            goods.version = goods.version.max(self::version(version));
        }
    }
}

fn version(number: i64) -> Version {
    Version(u32::try_from(number).unwrap_or_default())
}
