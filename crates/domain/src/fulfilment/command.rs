//! The command of each step.

use schemas::{CancellationCause, CompensationCause, FulfilmentStep, RefundId, RejectionReason, Sku, Timestamp};

use super::{FulfilmentState, OpenStep, Task};
use crate::Reason;
use crate::order::{Canceller, OrderCommand, Quantity};
use crate::payment::PaymentCommand;
use crate::stock::{Delta, StockCommand};

/// The command of a step, and to whom it is given: the fulfilment's own order, its payment, or a stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepCommand {
    /// To the order.
    Order(OrderCommand),
    /// To the stock of this SKU.
    Stock(Sku, StockCommand),
    /// To the payment.
    Payment(PaymentCommand),
}

/// How the names of the refunds begin that fulfilments ask for; the number of the step comes behind it.
pub const REFUNDS: &str = "fulfilment-";

/// The steps whose commands have the payment provider do something.
const MONEY: [FulfilmentStep; 4] =
    [FulfilmentStep::RequestPayment, FulfilmentStep::Capture, FulfilmentStep::Void, FulfilmentStep::Refund];

impl FulfilmentState {
    /// The numbers of the open steps that ask something of the payment provider.
    pub fn asked_of_the_provider(&self) -> impl Iterator<Item = i64> {
        let asked = self.open.iter().filter(|(task, _)| MONEY.contains(&task.step));
        asked.map(|(_, open)| open.number)
    }

    /// The command of a step; none if this release does not know it. The same step always has the same command, but for
    /// the SKUs that a rejection names.
    #[must_use]
    pub fn command(&self, task: &Task, open: OpenStep) -> Option<StepCommand> {
        match task.step {
            FulfilmentStep::Reserve
            | FulfilmentStep::Release
            | FulfilmentStep::CommitStock
            | FulfilmentStep::Restock => {
                let sku = task.sku.clone()?;
                let command = self.stock_command(task.step, &sku, open.until)?;
                Some(StepCommand::Stock(sku, command))
            }
            FulfilmentStep::ConfirmReservation => Some(StepCommand::Order(OrderCommand::ConfirmReservation)),
            FulfilmentStep::Reject => {
                let (reason, skus) = (RejectionReason::OutOfStock, self.lacking());
                Some(StepCommand::Order(OrderCommand::Reject { reason, skus }))
            }
            FulfilmentStep::MarkPaid => Some(StepCommand::Order(OrderCommand::MarkPaid)),
            FulfilmentStep::Cancel => {
                let (by, reason) = (Canceller::System(self.cancellation()), self.said());
                Some(StepCommand::Order(OrderCommand::Cancel { by, reason }))
            }
            FulfilmentStep::RequestPayment => {
                let (order, user) = (self.details.order.clone(), self.details.user.clone());
                let (amount, method) = (self.details.amount, self.details.method.clone());
                Some(StepCommand::Payment(PaymentCommand::Request { order, user, amount, method }))
            }
            FulfilmentStep::Capture => Some(StepCommand::Payment(PaymentCommand::RequestCapture)),
            FulfilmentStep::Void => Some(StepCommand::Payment(PaymentCommand::RequestVoid)),
            FulfilmentStep::Refund => {
                let refund = Self::refund(open.number)?;
                Some(StepCommand::Payment(PaymentCommand::RequestRefund { refund, amount: None }))
            }
            FulfilmentStep::Unknown => None,
        }
    }

    /// The id of the refund that the step of this number asks for.
    pub(super) fn refund(number: i64) -> Option<RefundId> {
        RefundId::parse(&format!("{REFUNDS}{number}")).ok()
    }

    fn stock_command(&self, step: FulfilmentStep, sku: &Sku, until: Option<Timestamp>) -> Option<StockCommand> {
        let (order, sku) = (self.details.order.clone(), sku.clone());
        let quantity = *self.details.items.get(&sku)?;
        match step {
            FulfilmentStep::Reserve => {
                Some(StockCommand::Reserve { sku, order, quantity: Quantity::new(quantity).ok()?, until: until? })
            }
            FulfilmentStep::Release => Some(StockCommand::Release { order }),
            FulfilmentStep::CommitStock => Some(StockCommand::Commit { order, until: self.goods.get(&sku)?.until? }),
            FulfilmentStep::Restock => {
                let reason = Reason::parse(&format!("{order} was called off")).ok();
                Some(StockCommand::Adjust { sku, delta: Delta::new(quantity).ok()?, reason })
            }
            FulfilmentStep::ConfirmReservation
            | FulfilmentStep::Reject
            | FulfilmentStep::MarkPaid
            | FulfilmentStep::Cancel
            | FulfilmentStep::RequestPayment
            | FulfilmentStep::Capture
            | FulfilmentStep::Void
            | FulfilmentStep::Refund
            | FulfilmentStep::Unknown => None,
        }
    }

    /// Why the order is called off: money that comes late is money that failed.
    fn cancellation(&self) -> CancellationCause {
        match self.compensation.as_ref().map(|why| why.cause) {
            Some(CompensationCause::OutOfStock) => CancellationCause::OutOfStock,
            Some(CompensationCause::Operator) => CancellationCause::Operator,
            Some(
                CompensationCause::PaymentFailed
                | CompensationCause::PaymentOverdue
                | CompensationCause::OrderCancelled
                | CompensationCause::Unknown,
            )
            | None => CancellationCause::PaymentFailed,
        }
    }

    fn said(&self) -> Option<Reason> {
        Reason::parse(self.compensation.as_ref()?.reason.as_deref()?).ok()
    }
}
