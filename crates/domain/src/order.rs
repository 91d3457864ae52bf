//! The order: placed from the catalogue, reserved and paid by the fulfilment, shipped and delivered by admins, and
//! called off by its owner, an admin or the fulfilment while it has not left the house.
//!
//! The rules: `place.rs` prices a new order, `steps.rs` says for each later command what it does in each status, and
//! [`OrderStatus::after`] which event may follow which.

mod place;
mod shipment;
mod steps;

use std::collections::BTreeMap;

use schemas::{
    CancellationCause, Money, OrderEvent, OrderLine, OrderPlaced, OrderStatus, PaymentMethod, RejectionReason, Sku,
    UserId,
};

use crate::{Actor, Aggregate, Invalid, Reason, Refusal};

pub use shipment::{Carrier, Tracking};

/// The most lines of an order, counted after lines of one SKU are merged.
pub const MAX_LINES: usize = 100;

/// The order's rules.
#[derive(Debug, Clone, Copy)]
pub enum Order {}

/// What an order can be told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderCommand {
    /// Create the order, at the catalogue's names and prices, which it keeps.
    Place {
        /// Who will own it.
        user: UserId,
        /// What is wanted; lines of one SKU are merged.
        lines: Vec<RequestedLine>,
        /// The catalogue as far as the lines ask for it.
        catalogue: Catalogue,
        /// What it is paid with, if the user said so.
        payment_method: Option<PaymentMethod>,
    },
    /// Note that every piece of it is held.
    ConfirmReservation,
    /// Turn it down, because it cannot be served.
    Reject {
        /// Why.
        reason: RejectionReason,
        /// What it cannot be served with.
        skus: Vec<Sku>,
    },
    /// Note that its total was taken.
    MarkPaid,
    /// Note that it left the house.
    Ship {
        /// Who carries it.
        carrier: Carrier,
        /// Under which number.
        tracking: Tracking,
    },
    /// Note that it arrived.
    ConfirmDelivery,
    /// Call it off.
    Cancel {
        /// By whom.
        by: Canceller,
        /// Why.
        reason: Option<Reason>,
    },
}

/// Who calls an order off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Canceller {
    /// A person; for anyone but the owner and admins the order does not exist.
    Person(Actor),
    /// The system itself.
    System(CancellationCause),
}

/// One line of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedLine {
    /// What is wanted.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// What one piece is expected to cost, in minor units; `None` accepts any price.
    pub expected_price: Option<i64>,
}

/// What the catalogue says, by SKU.
pub type Catalogue = BTreeMap<Sku, Listed>;

/// What the catalogue says of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// It can be ordered.
    OnSale {
        /// What people call it.
        name: String,
        /// What one piece costs.
        price: Money,
    },
    /// It was sold once.
    Discontinued,
}

/// How many pieces a line asks for: 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i64);

impl Quantity {
    /// The largest quantity of one SKU in one order.
    pub const MAX: i64 = 1_000;

    /// Checks a quantity.
    pub fn new(pieces: i64) -> Result<Self, Invalid> {
        (1..=Self::MAX).contains(&pieces).then_some(Self(pieces)).ok_or(Invalid::Quantity)
    }

    /// How many pieces.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// What is known of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderState {
    /// How far it is.
    pub status: OrderStatus,
    /// What was fixed when it was placed.
    pub details: OrderDetails,
}

/// What was fixed when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderDetails {
    /// Whose order it is.
    pub owner: UserId,
    /// One line per SKU, priced.
    pub lines: Vec<OrderLine>,
    /// Sum of quantity times unit price.
    pub total: Money,
}

impl From<&OrderPlaced> for OrderDetails {
    fn from(placed: &OrderPlaced) -> Self {
        let total = Money { amount: placed.total_amount, currency: placed.currency };
        Self { owner: placed.user_id.clone(), lines: placed.lines.clone(), total }
    }
}

impl Aggregate for Order {
    type State = OrderState;
    type Command = OrderCommand;
    type Event = OrderEvent;

    fn evolve(state: Option<OrderState>, event: &OrderEvent) -> Option<OrderState> {
        match (state, event) {
            (None, OrderEvent::Placed(placed)) => {
                Some(OrderState { status: OrderStatus::Created, details: placed.into() })
            }
            // An event that cannot follow changes nothing; `decide` never makes one.
            (Some(OrderState { status, details }), event) => {
                Some(OrderState { status: status.after(event).unwrap_or(status), details })
            }
            (
                None,
                OrderEvent::Reserved(_)
                | OrderEvent::Rejected(_)
                | OrderEvent::Paid(_)
                | OrderEvent::Shipped(_)
                | OrderEvent::Delivered(_)
                | OrderEvent::Cancelled(_),
            ) => None,
        }
    }

    fn decide(state: Option<&OrderState>, command: &OrderCommand) -> Result<Vec<OrderEvent>, Refusal> {
        match (state, command) {
            (None, OrderCommand::Place { user, lines, catalogue, payment_method }) => {
                let placed = place::place(user, lines, catalogue, payment_method.as_ref())?;
                Ok(vec![OrderEvent::Placed(placed)])
            }
            (Some(_), OrderCommand::Place { .. }) => Err(Refusal::OrderExists),
            (Some(order), OrderCommand::ConfirmReservation) => order.confirm_reservation(),
            (Some(order), OrderCommand::Reject { reason, skus }) => order.reject(*reason, skus),
            (Some(order), OrderCommand::MarkPaid) => order.mark_paid(),
            (Some(order), OrderCommand::Ship { carrier, tracking }) => order.ship(carrier, tracking),
            (Some(order), OrderCommand::ConfirmDelivery) => order.confirm_delivery(),
            (Some(order), OrderCommand::Cancel { by, reason }) => order.cancel(by, reason.as_ref()),
            (
                None,
                OrderCommand::ConfirmReservation
                | OrderCommand::Reject { .. }
                | OrderCommand::MarkPaid
                | OrderCommand::Ship { .. }
                | OrderCommand::ConfirmDelivery
                | OrderCommand::Cancel { .. },
            ) => Err(Refusal::OrderNotFound),
        }
    }
}
