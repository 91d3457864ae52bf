//! Placing an order: merge the requested lines, price them from the catalogue, add them up.

use std::collections::BTreeMap;

use schemas::{Money, OrderLine, OrderPlaced, PaymentMethod, UserId};

use super::{Catalogue, Listed, MAX_LINES, Quantity, RequestedLine};
use crate::{MAX_AMOUNT, Refusal};

pub(super) fn place(
    user: &UserId,
    requested: &[RequestedLine],
    catalogue: &Catalogue,
    payment_method: Option<&PaymentMethod>,
) -> Result<OrderPlaced, Refusal> {
    let merged = merge(requested)?;
    let lines = merged.iter().map(|line| price(line, catalogue)).collect::<Result<Vec<_>, _>>()?;
    let total = total(&lines)?;
    let lines = lines.into_iter().map(|(line, _)| line).collect();
    Ok(OrderPlaced {
        user_id: user.clone(),
        lines,
        currency: total.currency,
        total_amount: total.amount,
        payment_method: payment_method.cloned(),
    })
}

/// One line per SKU, in the order in which the SKUs appear first.
fn merge(requested: &[RequestedLine]) -> Result<Vec<RequestedLine>, Refusal> {
    let mut merged = Vec::<RequestedLine>::new();
    let mut places = BTreeMap::new();
    for line in requested {
        let place = *places.entry(&line.sku).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(earlier) => add(earlier, line)?,
            None => merged.push(line.clone()),
        }
    }
    match merged.len() {
        0 => Err(Refusal::EmptyOrder),
        1..=MAX_LINES => Ok(merged),
        lines => Err(Refusal::TooManyLines { lines }),
    }
}

fn add(earlier: &mut RequestedLine, line: &RequestedLine) -> Result<(), Refusal> {
    let sum = earlier.quantity.get() + line.quantity.get();
    earlier.quantity = Quantity::new(sum).map_err(|_| Refusal::QuantityTooLarge { sku: line.sku.clone() })?;
    earlier.expected_price = match (earlier.expected_price, line.expected_price) {
        (Some(one), Some(other)) if one != other => return Err(Refusal::PricesDisagree { sku: line.sku.clone() }),
        (one, other) => one.or(other),
    };
    Ok(())
}

fn price(line: &RequestedLine, catalogue: &Catalogue) -> Result<(OrderLine, Money), Refusal> {
    let sku = line.sku.clone();
    let (name, price) = match catalogue.get(&sku) {
        None => return Err(Refusal::UnknownProduct { sku }),
        Some(Listed::Discontinued) => return Err(Refusal::ProductDiscontinued { sku }),
        Some(Listed::OnSale { name, price }) => (name.clone(), *price),
    };
    if let Some(expected) = line.expected_price.filter(|expected| *expected != price.amount) {
        return Err(Refusal::PriceChanged { sku, expected, actual: price });
    }
    let quantity = line.quantity.get();
    let subtotal = price.checked_mul(quantity).ok_or(Refusal::TotalTooLarge)?;
    Ok((OrderLine { sku, name, quantity, unit_price: price.amount }, subtotal))
}

fn total(lines: &[(OrderLine, Money)]) -> Result<Money, Refusal> {
    let mut subtotals = lines.iter().map(|(_, subtotal)| *subtotal);
    let first = subtotals.next().ok_or(Refusal::EmptyOrder)?;
    let total = subtotals.try_fold(first, |sum, subtotal| {
        if sum.currency != subtotal.currency {
            return Err(Refusal::MixedCurrencies);
        }
        sum.checked_add(subtotal).ok_or(Refusal::TotalTooLarge)
    })?;
    if total.amount > MAX_AMOUNT { Err(Refusal::TotalTooLarge) } else { Ok(total) }
}
