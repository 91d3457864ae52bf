//! The fulfilment of an order, as operators see it.

use schemas::{
    CompensationCause, Event as _, FulfilmentEvent, FulfilmentId, FulfilmentOutcome, FulfilmentResult,
    FulfilmentStarted, FulfilmentStatus, FulfilmentStep, FulfilmentStepDone, OrderId, Recorded, Sku, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

use crate::view::{Listing, Projection, Unfoldable, View};

/// One fulfilment, with every step that it decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FulfilmentView {
    /// The order.
    pub order_id: OrderId,
    /// The fulfilment.
    pub fulfilment_id: FulfilmentId,
    /// Whose order it is.
    pub user_id: UserId,
    /// How far it is; `FAILED` while it waits for an operator.
    pub state: FulfilmentStatus,
    /// How far it is, or was when it failed.
    pub phase: FulfilmentStatus,
    /// Why it waits for an operator.
    pub failure: Option<String>,
    /// Why it takes back what it did.
    pub compensation: Option<CompensationCause>,
    /// How it ended.
    pub result: Option<FulfilmentResult>,
    /// What the last operator said who intervened.
    pub reason: Option<String>,
    /// The steps, in the order in which they were decided on.
    pub steps: Vec<FulfilmentStepView>,
    /// The stream's version.
    pub version: u32,
    /// When it began.
    #[serde(with = "schemas::rfc3339")]
    pub created_at: Timestamp,
    /// When something happened to it last.
    #[serde(with = "schemas::rfc3339")]
    pub updated_at: Timestamp,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FulfilmentStepView {
    /// Its number.
    pub number: i64,
    /// What is done.
    pub step: FulfilmentStep,
    /// With the stock of which SKU, if it is about stock.
    pub sku: Option<Sku>,
    /// What it came to; null as long as that is not known.
    pub outcome: Option<FulfilmentOutcome>,
}

impl View for FulfilmentView {
    const PROJECTION: Projection = Projection::Fulfilment;
    type Event = FulfilmentEvent;

    fn apply(view: Option<Self>, recorded: &Recorded<FulfilmentEvent>) -> Result<Option<Self>, Unfoldable> {
        let event = recorded.event.name();
        let mut view = match (view, &recorded.event) {
            (None, FulfilmentEvent::Started(started)) => return Self::started(recorded, started).map(Some),
            (Some(_), FulfilmentEvent::Started(_)) => return Err(Unfoldable::Impossible { event }),
            (
                view,
                FulfilmentEvent::StepRecorded(_)
                | FulfilmentEvent::StepDone(_)
                | FulfilmentEvent::HoldLost(_)
                | FulfilmentEvent::PaymentLost(_)
                | FulfilmentEvent::CompensationStarted(_)
                | FulfilmentEvent::Completed(_)
                | FulfilmentEvent::Failed(_)
                | FulfilmentEvent::Resumed(_),
            ) => view.ok_or(Unfoldable::Missing { event })?,
        };
        view.happened(&recorded.event);
        view.state = if view.failure.is_some() { FulfilmentStatus::Failed } else { view.phase };
        (view.version, view.updated_at) = (recorded.version.0, recorded.at);
        Ok(Some(view))
    }

    fn lists(&self) -> Vec<Listing> {
        let score = self.created_at.as_micros();
        vec![Listing::new("all", score), Listing::new(format!("state:{}", self.state), score)]
    }
}

impl FulfilmentView {
    fn started(recorded: &Recorded<FulfilmentEvent>, started: &FulfilmentStarted) -> Result<Self, Unfoldable> {
        let event = recorded.event.name();
        let fulfilment_id = FulfilmentId::parse(recorded.stream.as_str())
            .map_err(|_| Unfoldable::Stream { event, stream: recorded.stream.clone() })?;
        Ok(Self {
            order_id: started.order.clone(),
            fulfilment_id,
            user_id: started.user.clone(),
            state: FulfilmentStatus::Reserving,
            phase: FulfilmentStatus::Reserving,
            failure: None,
            compensation: None,
            result: None,
            reason: None,
            steps: Vec::new(),
            version: recorded.version.0,
            created_at: recorded.at,
            updated_at: recorded.at,
        })
    }

    fn happened(&mut self, event: &FulfilmentEvent) {
        match event {
            FulfilmentEvent::StepRecorded(recorded) => {
                let (number, step, sku) = (recorded.number, recorded.step, recorded.sku.clone());
                self.steps.push(FulfilmentStepView { number, step, sku, outcome: None });
                match step {
                    FulfilmentStep::RequestPayment => self.phase = FulfilmentStatus::AwaitingPayment,
                    FulfilmentStep::Capture => self.phase = FulfilmentStatus::Capturing,
                    FulfilmentStep::Reserve
                    | FulfilmentStep::Release
                    | FulfilmentStep::CommitStock
                    | FulfilmentStep::Restock
                    | FulfilmentStep::ConfirmReservation
                    | FulfilmentStep::Reject
                    | FulfilmentStep::MarkPaid
                    | FulfilmentStep::Cancel
                    | FulfilmentStep::Void
                    | FulfilmentStep::Refund
                    | FulfilmentStep::Unknown => {}
                }
            }
            FulfilmentEvent::StepDone(done) => self.done(done),
            FulfilmentEvent::CompensationStarted(started) => {
                self.phase = FulfilmentStatus::Compensating;
                self.failure = None;
                self.compensation = Some(started.cause);
                self.said(started.reason.as_ref());
            }
            FulfilmentEvent::Completed(completed) => {
                self.phase = FulfilmentStatus::Completed;
                self.failure = None;
                self.result = Some(completed.result);
                self.said(completed.reason.as_ref());
            }
            FulfilmentEvent::Failed(failed) => self.failure = Some(failed.reason.clone()),
            FulfilmentEvent::Resumed(resumed) => {
                self.failure = None;
                self.said(Some(&resumed.reason));
            }
            FulfilmentEvent::Started(_) | FulfilmentEvent::HoldLost(_) | FulfilmentEvent::PaymentLost(_) => {}
        }
    }

    /// The outcome belongs to the last step of that kind; the order may be called off by somebody else.
    fn done(&mut self, done: &FulfilmentStepDone) {
        let mut steps = self.steps.iter_mut().rev();
        if let Some(step) = steps.find(|step| step.step == done.step && step.sku == done.sku && step.outcome.is_none())
        {
            step.outcome = Some(done.outcome);
        }
        let captured = done.step == FulfilmentStep::Capture && done.outcome == FulfilmentOutcome::Done;
        if captured && self.phase == FulfilmentStatus::Capturing {
            self.phase = FulfilmentStatus::Committing;
        }
    }

    fn said(&mut self, reason: Option<&String>) {
        self.reason = reason.cloned().or(self.reason.take());
    }
}
