//! How placing an order merges, prices and adds up its lines.

use domain::order::{Catalogue, Listed, Order, OrderCommand, Quantity, RequestedLine};
use domain::{Aggregate as _, MAX_AMOUNT, Refusal};
use schemas::{Currency, Money, OrderEvent, OrderPlaced};

use crate::check::{euro, sku, user};

/// The catalogue of all these tests: a mug in euro, a pot in dollars, things that nobody can pay, and one not sold any more.
fn catalogue() -> Catalogue {
    let dollar = Money { amount: 700, currency: Currency::parse("USD").unwrap() };
    [("MUG", euro(500)), ("LID", euro(125)), ("POT", dollar), ("MOON", euro(MAX_AMOUNT)), ("SUN", euro(i64::MAX))]
        .map(|(text, price)| (sku(text), Listed::OnSale { name: format!("The {text}"), price }))
        .into_iter()
        .chain([(sku("OLD"), Listed::Discontinued)])
        .collect()
}

fn line(text: &str, quantity: i64, expected_price: Option<i64>) -> RequestedLine {
    RequestedLine { sku: sku(text), quantity: Quantity::new(quantity).unwrap(), expected_price }
}

fn place(lines: Vec<RequestedLine>) -> Result<OrderPlaced, Refusal> {
    let command = OrderCommand::Place { user: user(1), lines, catalogue: catalogue(), payment_method: None };
    match Order::decide(None, &command)?.as_slice() {
        [OrderEvent::Placed(placed)] => Ok(placed.clone()),
        events => unreachable!("{events:?}"),
    }
}

/// SKU, quantity and unit price of each line, and the total.
fn summary(placed: &OrderPlaced) -> (Vec<(&str, i64, i64)>, i64) {
    let lines = placed.lines.iter().map(|line| (line.sku.as_str(), line.quantity, line.unit_price));
    (lines.collect(), placed.total_amount)
}

#[test]
fn prices_and_names_come_from_the_catalogue() {
    let placed = place(vec![line("MUG", 2, Some(500)), line("LID", 1, None)]).unwrap();
    assert_eq!(summary(&placed), (vec![("MUG", 2, 500), ("LID", 1, 125)], 1_125));
    assert_eq!(placed.lines[0].name, "The MUG");
    assert_eq!(placed.currency, euro(0).currency);
}

#[test]
fn lines_of_one_sku_are_merged_where_the_first_stands() {
    let placed = place(vec![line("MUG", 2, None), line("LID", 1, None), line("MUG", 3, Some(500))]).unwrap();
    assert_eq!(summary(&placed), (vec![("MUG", 5, 500), ("LID", 1, 125)], 2_625));
}

#[test]
fn lines_of_one_sku_must_expect_one_price() {
    let refused = place(vec![line("MUG", 1, Some(500)), line("MUG", 1, Some(400))]);
    assert_eq!(refused, Err(Refusal::PricesDisagree { sku: sku("MUG") }));
}

#[test]
fn merged_lines_must_not_ask_for_more_than_one_line_may() {
    assert!(place(vec![line("MUG", 999, None), line("MUG", 1, None)]).is_ok());
    let refused = place(vec![line("MUG", 999, None), line("MUG", 2, None)]);
    assert_eq!(refused, Err(Refusal::QuantityTooLarge { sku: sku("MUG") }));
}

#[test]
fn an_order_has_1_to_100_lines() {
    assert_eq!(place(vec![]), Err(Refusal::EmptyOrder));
    let lines = |count: usize| (0..count).map(|number| line(&format!("X{number}"), 1, None)).collect();
    assert_eq!(place(lines(100)), Err(Refusal::UnknownProduct { sku: sku("X0") }));
    assert_eq!(place(lines(101)), Err(Refusal::TooManyLines { lines: 101 }));
    assert!(place(vec![line("MUG", 1, None); 101]).is_ok(), "lines are counted after merging");
}

#[test]
fn what_the_catalogue_does_not_list_cannot_be_ordered() {
    let refused = place(vec![line("MUG", 1, None), line("CUP", 1, None)]);
    assert_eq!(refused, Err(Refusal::UnknownProduct { sku: sku("CUP") }));
}

#[test]
fn what_is_discontinued_cannot_be_ordered() {
    let refused = place(vec![line("MUG", 1, None), line("OLD", 1, Some(500))]);
    assert_eq!(refused, Err(Refusal::ProductDiscontinued { sku: sku("OLD") }));
}

#[test]
fn a_price_that_is_not_the_expected_one_is_named() {
    let cheaper_now = Refusal::PriceChanged { sku: sku("MUG"), expected: 501, actual: euro(500) };
    assert_eq!(place(vec![line("MUG", 1, Some(501))]), Err(cheaper_now));
    let refusal = place(vec![line("MUG", 1, Some(499))]).unwrap_err();
    assert_eq!(refusal, Refusal::PriceChanged { sku: sku("MUG"), expected: 499, actual: euro(500) });
    assert_eq!((refusal.code(), refusal.to_string().as_str()), ("price_changed", "MUG costs 500 EUR now, not 499"));
}

#[test]
fn an_order_has_one_currency() {
    assert_eq!(place(vec![line("MUG", 1, None), line("POT", 1, None)]), Err(Refusal::MixedCurrencies));
}

#[test]
fn a_total_that_some_client_could_not_read_exactly_is_refused() {
    assert_eq!(place(vec![line("MOON", 1, None)]).unwrap().total_amount, MAX_AMOUNT);
    for lines in
        [vec![("MOON", 2)], vec![("MOON", 1), ("LID", 1)], vec![("SUN", 1), ("SUN", 1)], vec![("SUN", 1), ("MOON", 1)]]
    {
        let lines = lines.into_iter().map(|(text, quantity)| line(text, quantity, None)).collect();
        assert_eq!(place(lines), Err(Refusal::TotalTooLarge));
    }
}
