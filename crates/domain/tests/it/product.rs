//! The product, state by state and command by command.

use domain::Refusal;
use domain::product::{Price, Product, ProductCommand, ProductName};
use schemas::{
    Currency, Money, ProductDiscontinued, ProductEvent, ProductPriceChanged, ProductRegistered, ProductRenamed,
};

use crate::check::{check, euro, sku};

fn register() -> ProductCommand {
    let name = ProductName::parse("Mug").unwrap();
    ProductCommand::Register { sku: sku("MUG"), name, price: Price::new(euro(500)).unwrap() }
}

fn change_price(price: Money) -> ProductCommand {
    ProductCommand::ChangePrice { price: Price::new(price).unwrap() }
}

fn rename(name: &str) -> ProductCommand {
    ProductCommand::Rename { name: ProductName::parse(name).unwrap() }
}

fn registered() -> ProductEvent {
    ProductEvent::Registered(ProductRegistered { sku: sku("MUG"), name: "Mug".to_owned(), price: euro(500) })
}

fn price_changed(price: Money) -> ProductEvent {
    ProductEvent::PriceChanged(ProductPriceChanged { price })
}

fn renamed(name: &str) -> ProductEvent {
    ProductEvent::Renamed(ProductRenamed { name: name.to_owned() })
}

fn discontinued() -> ProductEvent {
    ProductEvent::Discontinued(ProductDiscontinued { sku: sku("MUG") })
}

#[test]
fn a_product_is_registered() {
    check::<Product>(&[], &register(), Ok(vec![registered()]));
}

#[test]
fn a_sku_is_registered_once() {
    check::<Product>(&[registered()], &register(), Err(Refusal::ProductExists));
    check::<Product>(&[registered(), price_changed(euro(600))], &register(), Err(Refusal::ProductExists));
    check::<Product>(&[registered(), discontinued()], &register(), Err(Refusal::ProductExists));
}

#[test]
fn to_what_is_not_registered_nothing_happens() {
    for when in [change_price(euro(600)), rename("Cup"), ProductCommand::Discontinue] {
        check::<Product>(&[], &when, Err(Refusal::ProductNotFound));
    }
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

#[test]
fn a_product_is_renamed_and_keeps_its_price() {
    check::<Product>(&[registered()], &rename("Cup"), Ok(vec![renamed("Cup")]));
    check::<Product>(&[registered(), renamed("Cup")], &rename("Mug"), Ok(vec![renamed("Mug")]));
    check::<Product>(&[registered(), renamed("Cup")], &change_price(euro(500)), Ok(vec![]));
}

#[test]
fn renaming_a_product_to_what_it_is_called_changes_nothing() {
    check::<Product>(&[registered()], &rename(" Mug "), Ok(vec![]));
    check::<Product>(&[registered(), renamed("Cup")], &rename("Cup"), Ok(vec![]));
}

#[test]
fn a_product_is_discontinued() {
    for given in [vec![registered()], vec![registered(), price_changed(euro(600)), renamed("Cup")]] {
        check::<Product>(&given, &ProductCommand::Discontinue, Ok(vec![discontinued()]));
    }
}

#[test]
fn discontinuing_a_product_again_changes_nothing() {
    check::<Product>(&[registered(), discontinued()], &ProductCommand::Discontinue, Ok(vec![]));
}

#[test]
fn a_discontinued_product_is_neither_renamed_nor_priced() {
    for when in [change_price(euro(500)), change_price(euro(600)), rename("Mug"), rename("Cup")] {
        let refusal = Refusal::ProductDiscontinued { sku: sku("MUG") };
        check::<Product>(&[registered(), discontinued()], &when, Err(refusal));
    }
}
