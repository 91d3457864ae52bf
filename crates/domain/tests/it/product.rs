//! The product, state by state and command by command.

use domain::Refusal;
use domain::product::{Price, Product, ProductCommand, ProductName};
use schemas::{Currency, Money, ProductEvent, ProductPriceChanged, ProductRegistered};

use crate::check::{check, euro, sku};

fn register() -> ProductCommand {
    let name = ProductName::parse("Mug").unwrap();
    ProductCommand::Register { sku: sku("MUG"), name, price: Price::new(euro(500)).unwrap() }
}

fn change_price(price: Money) -> ProductCommand {
    ProductCommand::ChangePrice { price: Price::new(price).unwrap() }
}

fn registered() -> ProductEvent {
    ProductEvent::Registered(ProductRegistered { sku: sku("MUG"), name: "Mug".to_owned(), price: euro(500) })
}

fn price_changed(price: Money) -> ProductEvent {
    ProductEvent::PriceChanged(ProductPriceChanged { price })
}

#[test]
fn a_product_is_registered() {
    check::<Product>(&[], &register(), Ok(vec![registered()]));
}

#[test]
fn a_sku_is_registered_once() {
    check::<Product>(&[registered()], &register(), Err(Refusal::ProductExists));
    check::<Product>(&[registered(), price_changed(euro(600))], &register(), Err(Refusal::ProductExists));
}

#[test]
fn what_is_not_registered_has_no_price_to_change() {
    check::<Product>(&[], &change_price(euro(600)), Err(Refusal::ProductNotFound));
}

#[test]
fn a_price_is_changed() {
    check::<Product>(&[registered()], &change_price(euro(600)), Ok(vec![price_changed(euro(600))]));
    let dollar = Money { amount: 500, currency: Currency::parse("USD").unwrap() };
    check::<Product>(&[registered()], &change_price(dollar), Ok(vec![price_changed(dollar)]));
}

#[test]
fn changing_a_price_to_what_it_is_changes_nothing() {
    check::<Product>(&[registered()], &change_price(euro(500)), Ok(vec![]));
    check::<Product>(&[registered(), price_changed(euro(600))], &change_price(euro(600)), Ok(vec![]));
}

#[test]
fn a_price_can_be_changed_back() {
    let given = [registered(), price_changed(euro(600))];
    check::<Product>(&given, &change_price(euro(500)), Ok(vec![price_changed(euro(500))]));
}
