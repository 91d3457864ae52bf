//! The stock: how many pieces of one SKU there are.

use schemas::{Sku, StockEvent, StockReceived};

use crate::{Aggregate, Invalid, MAX_AMOUNT, Reason, Refusal};

/// The stock's rules.
#[derive(Debug, Clone, Copy)]
pub enum Stock {}

/// What a stock can be told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockCommand {
    /// Pieces come in; the first delivery brings the stock into being.
    Receive {
        /// Of what.
        sku: Sku,
        /// How many.
        quantity: Pieces,
        /// Why.
        reason: Option<Reason>,
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

/// What is known of a stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockState {
    /// Of what.
    pub sku: Sku,
    /// How many pieces are there.
    pub on_hand: i64,
}

impl Aggregate for Stock {
    type State = StockState;
    type Command = StockCommand;
    type Event = StockEvent;

    fn evolve(state: Option<StockState>, event: &StockEvent) -> Option<StockState> {
        match (state, event) {
            (state, StockEvent::Received(StockReceived { sku, quantity, reason: _ })) => {
                let on_hand = state.map_or(0, |stock| stock.on_hand).saturating_add(*quantity);
                Some(StockState { sku: sku.clone(), on_hand })
            }
        }
    }

    fn decide(state: Option<&StockState>, command: &StockCommand) -> Result<Vec<StockEvent>, Refusal> {
        match (state, command) {
            (state, StockCommand::Receive { sku, quantity, reason }) => {
                let on_hand = state.map_or(0, |stock| stock.on_hand);
                if on_hand > MAX_AMOUNT - quantity.get() {
                    return Err(Refusal::StockTooLarge);
                }
                let reason = reason.as_ref().map(|reason| reason.as_str().to_owned());
                let received = StockReceived { sku: sku.clone(), quantity: quantity.get(), reason };
                Ok(vec![StockEvent::Received(received)])
            }
        }
    }
}
