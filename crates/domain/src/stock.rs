//! The stock: how many pieces of one SKU there are, and how many of them are held for orders.
//!
//! Law: what is held never exceeds what is on hand, so no piece is promised twice. A reservation is held, then released,
//! committed or expired; once it is settled the state forgets it, so that the state of a SKU that sells well does not
//! grow. A command that settles a reservation a second time is recognised by its key alone.

mod holds;
mod reserve;

use schemas::{OrderId, Sku, StockAdjusted, StockEvent, StockReceived, Timestamp};

pub use holds::{Hold, Holds};

use crate::order::Quantity;
use crate::{Aggregate, Invalid, MAX_AMOUNT, Reason, Refusal};

/// The stock's rules.
#[derive(Debug, Clone, Copy)]
pub enum Stock {}

/// What a stock can be told to do. Whatever may come first names the SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockCommand {
    /// Pieces come in.
    Receive {
        /// Of what.
        sku: Sku,
        /// How many.
        quantity: Pieces,
        /// Why.
        reason: Option<Reason>,
    },
    /// The number of pieces is corrected; what is held for orders must be left.
    Adjust {
        /// Of what.
        sku: Sku,
        /// How many more or fewer there are.
        delta: Delta,
        /// Why.
        reason: Option<Reason>,
    },
    /// Pieces are set aside for an order. Too few of them is an event, not a refusal: somebody waits to hear of it.
    Reserve {
        /// Of what.
        sku: Sku,
        /// For which order; it holds at most one reservation here.
        order: OrderId,
        /// How many.
        quantity: Quantity,
        /// From when on the reservation may expire.
        until: Timestamp,
    },
    /// The order does not need its pieces any more.
    Release {
        /// Which order.
        order: OrderId,
    },
    /// The order gets its pieces.
    Commit {
        /// Which order.
        order: OrderId,
        /// Until when they are held: a reservation of another time is not the one that was meant.
        until: Timestamp,
    },
    /// The order took too long.
    Expire {
        /// Which order.
        order: OrderId,
        /// What time it is: a reservation that may be held for longer is not the one that was meant.
        now: Timestamp,
    },
}

/// How many pieces are moved at once: 1 to 1,000,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pieces(i64);

impl Pieces {
    /// The most pieces that are moved at once.
    pub const MAX: i64 = 1_000_000_000;

    /// Checks a number of pieces.
    pub fn new(pieces: i64) -> Result<Self, Invalid> {
        (1..=Self::MAX).contains(&pieces).then_some(Self(pieces)).ok_or(Invalid::Pieces)
    }

    /// How many.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// By how many pieces a number is corrected: at most [`Pieces::MAX`] up or down, and not by zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delta(i64);

impl Delta {
    /// Checks a correction.
    pub fn new(pieces: i64) -> Result<Self, Invalid> {
        let valid = pieces != 0 && (-Pieces::MAX..=Pieces::MAX).contains(&pieces);
        valid.then_some(Self(pieces)).ok_or(Invalid::Delta)
    }

    /// How many more, or fewer.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// What is known of a stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockState {
    /// Of what.
    pub sku: Sku,
    /// How many pieces are there.
    pub on_hand: i64,
    /// The pieces among them that are set aside.
    pub holds: Holds,
}

impl StockState {
    /// A stock without pieces, which is also what a stream without events stands for.
    fn empty(sku: &Sku) -> Self {
        Self { sku: sku.clone(), on_hand: 0, holds: Holds::default() }
    }

    /// How many pieces can still be promised.
    #[must_use]
    pub const fn available(&self) -> i64 {
        self.on_hand.saturating_sub(self.holds.total())
    }
}

impl Aggregate for Stock {
    type State = StockState;
    type Command = StockCommand;
    type Event = StockEvent;

    fn evolve(state: Option<StockState>, event: &StockEvent) -> Option<StockState> {
        let mut stock = state.unwrap_or_else(|| StockState::empty(event.sku()));
        match event {
            StockEvent::Received(received) => stock.on_hand = stock.on_hand.saturating_add(received.quantity),
            StockEvent::Adjusted(adjusted) => stock.on_hand = stock.on_hand.saturating_add(adjusted.delta),
            StockEvent::Reserved(reserved) => {
                stock.holds.take(&reserved.order, Hold { quantity: reserved.quantity, until: reserved.until });
            }
            StockEvent::ReservationRejected(_) => {}
            StockEvent::ReservationReleased(released) => drop(stock.holds.settle(&released.order)),
            StockEvent::ReservationCommitted(committed) => {
                let gone = stock.holds.settle(&committed.order).map_or(0, |hold| hold.quantity);
                stock.on_hand = stock.on_hand.saturating_sub(gone);
            }
            StockEvent::ReservationExpired(expired) => drop(stock.holds.settle(&expired.order)),
        }
        Some(stock)
    }

    fn decide(state: Option<&StockState>, command: &StockCommand) -> Result<Vec<StockEvent>, Refusal> {
        let event = match (state, command) {
            (state, StockCommand::Receive { sku, quantity, reason }) => {
                room(state, quantity.get())?;
                let reason = reason.as_ref().map(|reason| reason.as_str().to_owned());
                StockEvent::Received(StockReceived { sku: sku.clone(), quantity: quantity.get(), reason })
            }
            (state, StockCommand::Adjust { sku, delta, reason }) => {
                room(state, delta.get())?;
                let reason = reason.as_ref().map(|reason| reason.as_str().to_owned());
                StockEvent::Adjusted(StockAdjusted { sku: sku.clone(), delta: delta.get(), reason })
            }
            (state, StockCommand::Reserve { sku, order, quantity, until }) => {
                let wanted = Hold { quantity: quantity.get(), until: *until };
                return reserve::reserve(state, sku, order, wanted);
            }
            (None, StockCommand::Release { .. } | StockCommand::Commit { .. } | StockCommand::Expire { .. }) => {
                return Err(Refusal::ReservationNotHeld);
            }
            (Some(stock), StockCommand::Release { order }) => reserve::release(stock, order)?,
            (Some(stock), StockCommand::Commit { order, until }) => reserve::commit(stock, order, *until)?,
            (Some(stock), StockCommand::Expire { order, now }) => reserve::expire(stock, order, *now)?,
        };
        Ok(vec![event])
    }
}

/// Whether the stock can change by so many pieces: what is held stays, and the sum stays readable.
fn room(state: Option<&StockState>, delta: i64) -> Result<(), Refusal> {
    let (on_hand, held) = state.map_or((0, 0), |stock| (stock.on_hand, stock.holds.total()));
    let after = on_hand.saturating_add(delta);
    if after > MAX_AMOUNT {
        return Err(Refusal::StockTooLarge);
    }
    if after < held {
        return Err(Refusal::StockTooSmall { on_hand, held });
    }
    Ok(())
}
