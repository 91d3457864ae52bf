//! Reservations: pieces are set aside for an order, and the reservation is settled once.

use schemas::{
    OrderId, Sku, StockEvent, StockReservationCommitted, StockReservationExpired, StockReservationRejected,
    StockReservationReleased, StockReserved, Timestamp,
};

use super::{Hold, StockState};
use crate::Refusal;

/// Sets pieces aside, or says that too few are left. If the order holds exactly what is wanted, nothing is left to do. If it
/// holds another number of pieces, or holds them until another time, the command is refused: whoever gave it would take
/// what is held for what it asked for, and [`commit`] knows a reservation by its time.
pub(super) fn reserve(
    state: Option<&StockState>,
    sku: &Sku,
    order: &OrderId,
    wanted: Hold,
) -> Result<Vec<StockEvent>, Refusal> {
    let (sku, order, Hold { quantity, until }) = (sku.clone(), order.clone(), wanted);
    match state.and_then(|stock| stock.holds.of(&order)) {
        Some(hold) if hold == wanted => return Ok(Vec::new()),
        Some(hold) => return Err(Refusal::ReservationDiffers { held: hold.quantity }),
        None => {}
    }
    let available = state.map_or(0, StockState::available);
    let event = if quantity <= available {
        StockEvent::Reserved(StockReserved { sku, order, quantity, until })
    } else {
        StockEvent::ReservationRejected(StockReservationRejected { sku, order, quantity, available })
    };
    Ok(vec![event])
}

/// Gives pieces that are held back.
pub(super) fn release(stock: &StockState, order: &OrderId) -> Result<StockEvent, Refusal> {
    let (sku, order, Hold { quantity, .. }) = held(stock, order)?;
    Ok(StockEvent::ReservationReleased(StockReservationReleased { sku, order, quantity }))
}

/// Hands pieces out that are held until this time. A refusal leaves no key, so the same command may be decided again, and
/// must not find the next reservation then.
pub(super) fn commit(stock: &StockState, order: &OrderId, meant: Timestamp) -> Result<StockEvent, Refusal> {
    let (sku, order, Hold { quantity, until }) = held(stock, order)?;
    if until != meant {
        return Err(Refusal::ReservationNotHeld);
    }
    Ok(StockEvent::ReservationCommitted(StockReservationCommitted { sku, order, quantity }))
}

/// Gives pieces back whose time is over.
pub(super) fn expire(stock: &StockState, order: &OrderId, now: Timestamp) -> Result<StockEvent, Refusal> {
    let (sku, order, Hold { quantity, until }) = held(stock, order)?;
    if now < until {
        return Err(Refusal::ReservationNotDue { until });
    }
    Ok(StockEvent::ReservationExpired(StockReservationExpired { sku, order, quantity }))
}

/// What is held for the order, and what its events name.
fn held(stock: &StockState, order: &OrderId) -> Result<(Sku, OrderId, Hold), Refusal> {
    let hold = stock.holds.of(order).ok_or(Refusal::ReservationNotHeld)?;
    Ok((stock.sku.clone(), order.clone(), hold))
}
