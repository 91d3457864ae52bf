//! The fulfilment of an order: the process manager that reserves pieces, takes the money and hands the pieces out, or
//! undoes whatever it has done. It decides on steps; each is recorded before its command is given, so that a crash at any
//! point neither loses nor doubles one.
//!
//! Law: what it decides depends on what the order's, the stocks' and the payment's streams tell it, not on their order.
//!
//! One turn, which `command-api/src/fulfilment` drives:
//! 1. A record of a topic comes. `heard.rs`: [`Heard::of`] says which fulfilment it concerns, and as which [`Ask`]: the order
//!    was placed is [`Ask::Start`], most else [`Ask::Hear`] with [`News`].
//! 2. `decide`: what the news means for open steps, holds and money (`hear.rs`), or what an operator asks (`operate.rs`).
//! 3. `next.rs`: the steps that follow in the phase reached so far, as `StepRecorded`. All of it is one commit.
//! 4. `command.rs`: the [`StepCommand`] of each open step, given once that is committed, under a key made of its number. What
//!    it brings about is a record of another topic: back to 1. If no event will tell, its answer is [`Ask::Settle`].
//!
//! Phases: `Reserving -> AwaitingPayment -> Capturing -> Committing -> Completed`. When something fails, any of them leads to
//! `Compensating`, which ends in `Completed`, too. What each event changes: `evolve.rs`.

mod command;
mod evolve;
mod hear;
mod heard;
mod next;
mod operate;

use std::collections::BTreeMap;

use schemas::{
    CompensationCause, FulfilmentEvent, FulfilmentItem, FulfilmentOutcome, FulfilmentResult, FulfilmentStarted,
    FulfilmentStatus, FulfilmentStep, Money, OrderId, PaymentMethod, RefundId, Sku, Timestamp, UserId, Version,
};

use crate::{Aggregate, Reason, Refusal};

pub use command::{REFUNDS, StepCommand};
pub use heard::Heard;

/// The fulfilment's rules.
#[derive(Debug, Clone, Copy)]
pub enum Fulfilment {}

/// Something that a fulfilment is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfilmentCommand {
    /// Until when the pieces are to be held that it leads to asking for.
    pub hold_until: Timestamp,
    /// What it is told.
    pub ask: Ask,
}

/// What a fulfilment can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// An order was placed.
    Start(FulfilmentDetails),
    /// Another stream tells what happened there.
    Hear(News),
    /// A step's command was answered, and no other stream's event will tell what it came to.
    Settle {
        /// Which step.
        task: Task,
        /// Its number: another one that does the same was not answered.
        number: i64,
        /// What it came to.
        outcome: FulfilmentOutcome,
    },
    /// The money should be there by now.
    PaymentOverdue,
    /// The outcome of what was asked of the provider should be known by now.
    OutcomeOverdue {
        /// The version of the payment's stream at which it was not known.
        since: Version,
    },
    /// The provider should have done by now what the step of this number asks of it.
    StepOverdue {
        /// Its number.
        number: i64,
    },
    /// An operator lets a failed fulfilment go on.
    Retry(Operator),
    /// An operator lets it take back what it did.
    Compensate(Operator),
    /// An operator ends one as it stands that failed, or that does not come to an end with taking back what it did.
    Abort(Operator),
}

/// An operator, and their words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Who.
    pub user: UserId,
    /// Why.
    pub reason: Reason,
}

/// What another stream tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The order's.
    Order(OrderNews),
    /// A stock's.
    Stock {
        /// Of which SKU.
        sku: Sku,
        /// The version of the stock's stream.
        version: Version,
        /// What happened to the order's pieces.
        news: StockNews,
    },
    /// The payment's.
    Payment {
        /// The version of the payment's stream.
        version: Version,
        /// What happened to the money.
        news: PaymentNews,
    },
}

/// What happened to the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderNews {
    /// It knows that its pieces are held.
    Reserved,
    /// It is turned down.
    Rejected,
    /// It is paid.
    Paid,
    /// It is called off, by whomever.
    Cancelled,
}

/// What happened to the order's pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockNews {
    /// They are held.
    Held,
    /// There are too few.
    Denied,
    /// They are held no longer.
    Gone,
    /// They are handed out.
    Committed,
}

/// What happened to the order's money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentNews {
    /// It is set aside.
    Authorized,
    /// The provider refused.
    Declined,
    /// It is taken.
    Captured,
    /// It was let go.
    Voided,
    /// The provider let it go by itself.
    Expired,
    /// Some of it was given back.
    Refunded(RefundId),
    /// Some of it was to be given back, and the provider refused.
    RefundRejected(RefundId),
}

/// What was fixed when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfilmentDetails {
    /// The order.
    pub order: OrderId,
    /// Whose order it is.
    pub user: UserId,
    /// How many pieces of each SKU.
    pub items: BTreeMap<Sku, i64>,
    /// What is to be paid.
    pub amount: Money,
    /// What it is paid with.
    pub method: PaymentMethod,
}

/// What a step does, and to which stock. A fulfilment has at most one open step for each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Task {
    /// What is done.
    pub step: FulfilmentStep,
    /// With the stock of which SKU, if it is about stock.
    pub sku: Option<Sku>,
}

impl Task {
    /// A step that is about no stock.
    #[must_use]
    pub const fn of(step: FulfilmentStep) -> Self {
        Self { step, sku: None }
    }

    /// A step that is about the stock of one SKU.
    #[must_use]
    pub fn with(step: FulfilmentStep, sku: &Sku) -> Self {
        Self { step, sku: Some(sku.clone()) }
    }
}

/// A step that is recorded, and whose outcome is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenStep {
    /// Its number, from 1.
    pub number: i64,
    /// Until when pieces are to be held, if they are.
    pub until: Option<Timestamp>,
}

/// What is known of a fulfilment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FulfilmentState {
    /// What was fixed when the order was placed.
    pub details: FulfilmentDetails,
    /// How far it is, failed or not.
    pub phase: Phase,
    /// Why it waits for an operator, if it does.
    pub failure: Option<String>,
    /// The steps whose outcome is not known yet.
    pub open: BTreeMap<Task, OpenStep>,
    /// Why it takes back what it did, if it does.
    pub compensation: Option<Compensation>,
    /// How many steps were recorded.
    recorded: i64,
    goods: BTreeMap<Sku, Goods>,
    funds: Funds,
    /// The last version of the payment's stream that told of the money.
    funds_version: Version,
    order: OrderProgress,
}

/// How far a fulfilment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Pieces are being set aside.
    Reserving,
    /// The money is being set aside.
    AwaitingPayment,
    /// The money is being taken.
    Capturing,
    /// The pieces are being handed out.
    Committing,
    /// What was done is being taken back.
    Compensating,
    /// It ended.
    Completed(FulfilmentResult),
}

/// Why a fulfilment takes back what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compensation {
    /// Why.
    pub cause: CompensationCause,
    /// In the words of the operator who asked for it.
    pub reason: Option<String>,
}

/// The pieces of one SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Goods {
    status: GoodsStatus,
    /// The last version of the stock's stream that told of them.
    version: Version,
    /// Until when they were to be held last: no two reservations of an order have the same time.
    until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GoodsStatus {
    /// To be held, and not held yet or no longer.
    Wanted,
    Held,
    /// There are too few.
    Denied,
    Released,
    Committed,
    Restocked,
}

/// The order's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Funds {
    NotAsked,
    Asked,
    SetAside,
    Taken,
    /// None of it is with us, and none will be.
    Gone,
}

/// What the order knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct OrderProgress {
    /// It knows, or will know, that its pieces are held: it cannot be turned down any more.
    confirming: bool,
    paid: bool,
    /// It is turned down or called off.
    ended: bool,
}

impl FulfilmentState {
    /// What this state is called outside.
    #[must_use]
    pub const fn status(&self) -> FulfilmentStatus {
        if self.failure.is_some() {
            return FulfilmentStatus::Failed;
        }
        match self.phase {
            Phase::Reserving => FulfilmentStatus::Reserving,
            Phase::AwaitingPayment => FulfilmentStatus::AwaitingPayment,
            Phase::Capturing => FulfilmentStatus::Capturing,
            Phase::Committing => FulfilmentStatus::Committing,
            Phase::Compensating => FulfilmentStatus::Compensating,
            Phase::Completed(_) => FulfilmentStatus::Completed,
        }
    }

    /// The SKUs that there are too few pieces of.
    #[must_use]
    pub fn lacking(&self) -> Vec<Sku> {
        let denied = self.goods.iter().filter(|(_, goods)| goods.status == GoodsStatus::Denied);
        denied.map(|(sku, _)| sku.clone()).collect()
    }

    /// How many steps were recorded.
    #[must_use]
    pub const fn steps(&self) -> i64 {
        self.recorded
    }

    fn is_open(&self, step: FulfilmentStep) -> bool {
        self.open.keys().any(|task| task.step == step)
    }
}

impl From<&FulfilmentStarted> for FulfilmentDetails {
    fn from(started: &FulfilmentStarted) -> Self {
        let FulfilmentStarted { order, user, items, amount, method } = started.clone();
        let items = items.into_iter().map(|item| (item.sku, item.quantity)).collect();
        Self { order, user, items, amount, method }
    }
}

impl Aggregate for Fulfilment {
    type State = FulfilmentState;
    type Command = FulfilmentCommand;
    type Event = FulfilmentEvent;

    fn evolve(state: Option<FulfilmentState>, event: &FulfilmentEvent) -> Option<FulfilmentState> {
        match (state, event) {
            (None, FulfilmentEvent::Started(started)) => Some(FulfilmentState::started(started)),
            (Some(state), event) => Some(state.after(event)),
            (
                None,
                FulfilmentEvent::StepRecorded(_)
                | FulfilmentEvent::StepDone(_)
                | FulfilmentEvent::HoldLost(_)
                | FulfilmentEvent::PaymentLost(_)
                | FulfilmentEvent::CompensationStarted(_)
                | FulfilmentEvent::Completed(_)
                | FulfilmentEvent::Failed(_)
                | FulfilmentEvent::Resumed(_),
            ) => None,
        }
    }

    fn decide(state: Option<&FulfilmentState>, command: &FulfilmentCommand) -> Result<Vec<FulfilmentEvent>, Refusal> {
        let told = match (state, &command.ask) {
            (None, Ask::Start(details)) => vec![FulfilmentEvent::Started(details.into())],
            (Some(_), Ask::Start(_)) => vec![],
            // One that has not begun has asked for nothing; whatever it asks for later will be answered then.
            (
                None,
                Ask::Hear(_)
                | Ask::Settle { .. }
                | Ask::PaymentOverdue
                | Ask::OutcomeOverdue { .. }
                | Ask::StepOverdue { .. },
            ) => vec![],
            (None, Ask::Retry(_) | Ask::Compensate(_) | Ask::Abort(_)) => return Err(Refusal::FulfilmentNotFound),
            (Some(state), Ask::Hear(news)) => state.hear(news),
            (Some(state), Ask::Settle { task, number, outcome }) => state.settle(task, *number, *outcome),
            (Some(state), Ask::PaymentOverdue) => state.payment_overdue(),
            (Some(state), Ask::OutcomeOverdue { since }) => state.outcome_overdue(*since),
            (Some(state), Ask::StepOverdue { number }) => state.step_overdue(*number),
            (Some(state), Ask::Retry(operator)) => state.retry(operator)?,
            (Some(state), Ask::Compensate(operator)) => state.compensate(operator)?,
            (Some(state), Ask::Abort(operator)) => state.abort(operator)?,
        };
        Ok(next::with_what_follows(state, told, command.hold_until))
    }
}

impl From<&FulfilmentDetails> for FulfilmentStarted {
    fn from(details: &FulfilmentDetails) -> Self {
        let FulfilmentDetails { order, user, items, amount, method } = details.clone();
        let items = items.into_iter().map(|(sku, quantity)| FulfilmentItem { sku, quantity }).collect();
        Self { order, user, items, amount, method }
    }
}
