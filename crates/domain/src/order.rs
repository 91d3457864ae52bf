//! The order: placed from the catalogue, and called off by its owner or an admin.

mod place;

use std::collections::BTreeMap;

use schemas::{Money, OrderCancelled, OrderEvent, OrderLine, OrderPlaced, OrderStatus, Sku, UserId};

use crate::{Actor, Aggregate, Invalid, Reason, Refusal};

/// The most lines of an order, counted after lines of one SKU are merged.
pub const MAX_LINES: usize = 100;

/// The order's rules.
#[derive(Debug, Clone, Copy)]
pub enum Order {}

/// What an order can be told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderCommand {
    /// Comes into being. Names and prices are taken from the catalogue, and stay.
    Place {
        /// Who will own it.
        user: UserId,
        /// What is wanted; lines of one SKU are merged.
        lines: Vec<RequestedLine>,
        /// The catalogue as far as the lines ask for it.
        catalogue: Catalogue,
    },
    /// Is called off.
    Cancel {
        /// By whom; for anyone but the owner and admins the order does not exist.
        by: Actor,
        /// Why.
        reason: Option<Reason>,
    },
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
pub enum OrderState {
    /// Placed, nothing more yet.
    Created(OrderDetails),
    /// Called off; nothing can happen to it any more.
    Cancelled(OrderDetails),
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

impl OrderState {
    /// What was fixed when the order was placed.
    #[must_use]
    pub const fn details(&self) -> &OrderDetails {
        match self {
            Self::Created(details) | Self::Cancelled(details) => details,
        }
    }

    /// What this state is called outside.
    #[must_use]
    pub const fn status(&self) -> OrderStatus {
        match self {
            Self::Created(_) => OrderStatus::Created,
            Self::Cancelled(_) => OrderStatus::Cancelled,
        }
    }
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
            (None, OrderEvent::Placed(placed)) => Some(OrderState::Created(placed.into())),
            (Some(OrderState::Created(details)), OrderEvent::Cancelled(_)) => Some(OrderState::Cancelled(details)),
            (state @ Some(OrderState::Created(_) | OrderState::Cancelled(_)), OrderEvent::Placed(_))
            | (state @ (None | Some(OrderState::Cancelled(_))), OrderEvent::Cancelled(_)) => state,
        }
    }

    fn decide(state: Option<&OrderState>, command: &OrderCommand) -> Result<Vec<OrderEvent>, Refusal> {
        match (state, command) {
            (None, OrderCommand::Place { user, lines, catalogue }) => {
                let placed = place::place(user, lines, catalogue)?;
                Ok(vec![OrderEvent::Placed(placed)])
            }
            (Some(OrderState::Created(_) | OrderState::Cancelled(_)), OrderCommand::Place { .. }) => {
                Err(Refusal::OrderExists)
            }
            (None, OrderCommand::Cancel { .. }) => Err(Refusal::OrderNotFound),
            (Some(order), OrderCommand::Cancel { by, .. }) if !by.may_act_for(&order.details().owner) => {
                Err(Refusal::OrderNotFound)
            }
            (Some(OrderState::Created(_)), OrderCommand::Cancel { by, reason }) => {
                let reason = reason.as_ref().map(|reason| reason.as_str().to_owned());
                Ok(vec![OrderEvent::Cancelled(OrderCancelled { cancelled_by: by.user.clone(), reason })])
            }
            (Some(cancelled @ OrderState::Cancelled(_)), OrderCommand::Cancel { .. }) => {
                Err(Refusal::OrderNotCancellable { status: cancelled.status() })
            }
        }
    }
}
