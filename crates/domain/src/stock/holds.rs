//! The reservations that are held: at most one per order, and their sum.

use std::collections::BTreeMap;

use schemas::{OrderId, Timestamp};

/// Pieces that are set aside for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// How many.
    pub quantity: i64,
    /// From when on the reservation may expire.
    pub until: Timestamp,
}

/// Every hold of one stock. The total is kept beside them, so that asking for it costs nothing however many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holds {
    by_order: BTreeMap<OrderId, Hold>,
    total: i64,
}

impl Holds {
    /// How many pieces are held altogether.
    #[must_use]
    pub const fn total(&self) -> i64 {
        self.total
    }

    /// What is held for this order.
    #[must_use]
    pub fn of(&self, order: &OrderId) -> Option<Hold> {
        self.by_order.get(order).copied()
    }

    /// Holds pieces for an order; one that holds some already keeps those.
    pub(super) fn take(&mut self, order: &OrderId, hold: Hold) {
        if self.by_order.contains_key(order) {
            return;
        }
        self.total = self.total.saturating_add(hold.quantity);
        self.by_order.insert(order.clone(), hold);
    }

    /// Ends an order's hold, and forgets it.
    pub(super) fn settle(&mut self, order: &OrderId) -> Option<Hold> {
        let hold = self.by_order.remove(order)?;
        self.total = self.total.saturating_sub(hold.quantity);
        Some(hold)
    }
}
