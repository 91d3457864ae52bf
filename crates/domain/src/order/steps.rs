//! What may become of an order that was placed: one function per command, each over every status.

use schemas::{
    CancellationCause, OrderCancelled, OrderDelivered, OrderEvent, OrderPaid, OrderRejected, OrderReserved,
    OrderShipped, OrderStatus, RejectionReason, Sku,
};

use super::{Canceller, Carrier, OrderState, Tracking};
use crate::{Reason, Refusal};

type Decision = Result<Vec<OrderEvent>, Refusal>;

impl OrderState {
    pub(super) fn confirm_reservation(&self) -> Decision {
        match self.status {
            OrderStatus::Created => Ok(vec![OrderEvent::Reserved(OrderReserved { pieces: self.pieces() })]),
            OrderStatus::Reserved | OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Delivered => Ok(vec![]),
            OrderStatus::Cancelled | OrderStatus::Rejected => Err(self.cannot_become(OrderStatus::Reserved)),
        }
    }

    pub(super) fn reject(&self, reason: RejectionReason, skus: &[Sku]) -> Decision {
        match self.status {
            OrderStatus::Created => Ok(vec![OrderEvent::Rejected(OrderRejected { reason, skus: skus.to_vec() })]),
            OrderStatus::Rejected => Ok(vec![]),
            OrderStatus::Reserved
            | OrderStatus::Paid
            | OrderStatus::Shipped
            | OrderStatus::Delivered
            | OrderStatus::Cancelled => Err(self.cannot_become(OrderStatus::Rejected)),
        }
    }

    pub(super) fn mark_paid(&self) -> Decision {
        match self.status {
            OrderStatus::Reserved => Ok(vec![OrderEvent::Paid(OrderPaid { amount: self.details.total })]),
            OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Delivered => Ok(vec![]),
            OrderStatus::Created | OrderStatus::Cancelled | OrderStatus::Rejected => {
                Err(self.cannot_become(OrderStatus::Paid))
            }
        }
    }

    /// An order is shipped once: a second parcel would be another one.
    pub(super) fn ship(&self, carrier: &Carrier, tracking: &Tracking) -> Decision {
        match self.status {
            OrderStatus::Paid => {
                let (carrier, tracking) = (carrier.as_str().to_owned(), tracking.as_str().to_owned());
                Ok(vec![OrderEvent::Shipped(OrderShipped { carrier, tracking })])
            }
            OrderStatus::Created
            | OrderStatus::Reserved
            | OrderStatus::Shipped
            | OrderStatus::Delivered
            | OrderStatus::Cancelled
            | OrderStatus::Rejected => Err(self.cannot_become(OrderStatus::Shipped)),
        }
    }

    pub(super) fn confirm_delivery(&self) -> Decision {
        match self.status {
            OrderStatus::Shipped => Ok(vec![OrderEvent::Delivered(OrderDelivered { pieces: self.pieces() })]),
            OrderStatus::Delivered => Ok(vec![]),
            OrderStatus::Created
            | OrderStatus::Reserved
            | OrderStatus::Paid
            | OrderStatus::Cancelled
            | OrderStatus::Rejected => Err(self.cannot_become(OrderStatus::Delivered)),
        }
    }

    /// A person is told when there is nothing left to call off; the system just wants it to be so.
    pub(super) fn cancel(&self, by: &Canceller, reason: Option<&Reason>) -> Decision {
        let (cause, person) = match by {
            Canceller::Person(actor) if actor.may_act_for(&self.details.owner) => {
                (CancellationCause::Requested, Some(&actor.user))
            }
            Canceller::Person(_) => return Err(Refusal::OrderNotFound),
            Canceller::System(cause) => (*cause, None),
        };
        match (self.status, person) {
            (OrderStatus::Created | OrderStatus::Reserved | OrderStatus::Paid, person) => {
                let reason = reason.map(|reason| reason.as_str().to_owned());
                let cancelled = OrderCancelled { cause, cancelled_by: person.cloned(), reason };
                Ok(vec![OrderEvent::Cancelled(cancelled)])
            }
            (OrderStatus::Cancelled, None) => Ok(vec![]),
            (OrderStatus::Cancelled, Some(_))
            | (OrderStatus::Shipped | OrderStatus::Delivered | OrderStatus::Rejected, _) => {
                Err(Refusal::OrderNotCancellable { status: self.status })
            }
        }
    }

    /// How many pieces, of all SKUs together.
    fn pieces(&self) -> i64 {
        self.details.lines.iter().map(|line| line.quantity).sum()
    }

    const fn cannot_become(&self, to: OrderStatus) -> Refusal {
        Refusal::OrderCannotBecome { from: self.status, to }
    }
}
