//! The product: what the catalogue lists under one SKU, until it is discontinued.

use schemas::{Money, ProductDiscontinued, ProductEvent, ProductPriceChanged, ProductRegistered, ProductRenamed, Sku};

use crate::invalid::one_line;
use crate::{Aggregate, Invalid, MAX_AMOUNT, Refusal};

/// The product's rules.
#[derive(Debug, Clone, Copy)]
pub enum Product {}

/// What a product can be told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductCommand {
    /// Enters the catalogue.
    Register {
        /// Its SKU, for ever.
        sku: Sku,
        /// What people call it.
        name: ProductName,
        /// What one piece costs.
        price: Price,
    },
    /// Costs something else from now on; orders already placed keep their price.
    ChangePrice {
        /// What one piece costs.
        price: Price,
    },
    /// Is called something else from now on; orders already placed keep its name.
    Rename {
        /// What people call it.
        name: ProductName,
    },
    /// Is not sold any more; there is no way back.
    Discontinue,
}

/// What people call a product: one line of 1 to 200 characters, without spaces around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductName(String);

impl ProductName {
    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 200;

    /// Reads a name; spaces around it are dropped.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line(text, Self::MAX_LENGTH).map(Self).ok_or(Invalid::Name)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What one piece costs: above zero, at most [`MAX_AMOUNT`] minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price(Money);

impl Price {
    /// Checks a price.
    pub fn new(money: Money) -> Result<Self, Invalid> {
        Self::amount(money.amount).map(|_| Self(money))
    }

    /// Checks the amount alone, where nobody says in which currency.
    pub fn amount(amount: i64) -> Result<i64, Invalid> {
        (1..=MAX_AMOUNT).contains(&amount).then_some(amount).ok_or(Invalid::Price)
    }

    /// The price as money.
    #[must_use]
    pub const fn money(self) -> Money {
        self.0
    }
}

/// What is known of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductState {
    /// On sale.
    Active(ProductDetails),
    /// Not sold any more; nothing can happen to it.
    Discontinued(ProductDetails),
}

/// How the catalogue describes a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductDetails {
    /// Its SKU.
    pub sku: Sku,
    /// What people call it.
    pub name: String,
    /// What one piece costs.
    pub price: Money,
}

impl Aggregate for Product {
    type State = ProductState;
    type Command = ProductCommand;
    type Event = ProductEvent;

    fn evolve(state: Option<ProductState>, event: &ProductEvent) -> Option<ProductState> {
        match (state, event) {
            (None, ProductEvent::Registered(ProductRegistered { sku, name, price })) => {
                Some(ProductState::Active(ProductDetails { sku: sku.clone(), name: name.clone(), price: *price }))
            }
            (Some(ProductState::Active(details)), ProductEvent::PriceChanged(ProductPriceChanged { price })) => {
                Some(ProductState::Active(ProductDetails { price: *price, ..details }))
            }
            (Some(ProductState::Active(details)), ProductEvent::Renamed(ProductRenamed { name })) => {
                Some(ProductState::Active(ProductDetails { name: name.clone(), ..details }))
            }
            (Some(ProductState::Active(details)), ProductEvent::Discontinued(_)) => {
                Some(ProductState::Discontinued(details))
            }
            (None, ProductEvent::PriceChanged(_) | ProductEvent::Renamed(_) | ProductEvent::Discontinued(_)) => None,
            (
                state @ Some(ProductState::Discontinued(_)),
                ProductEvent::PriceChanged(_) | ProductEvent::Renamed(_) | ProductEvent::Discontinued(_),
            )
            | (state @ Some(ProductState::Active(_) | ProductState::Discontinued(_)), ProductEvent::Registered(_)) => {
                state
            }
        }
    }

    fn decide(state: Option<&ProductState>, command: &ProductCommand) -> Result<Vec<ProductEvent>, Refusal> {
        match (state, command) {
            (None, ProductCommand::Register { sku, name, price }) => {
                let name = name.as_str().to_owned();
                let registered = ProductRegistered { sku: sku.clone(), name, price: price.money() };
                Ok(vec![ProductEvent::Registered(registered)])
            }
            (Some(ProductState::Active(_) | ProductState::Discontinued(_)), ProductCommand::Register { .. }) => {
                Err(Refusal::ProductExists)
            }
            (
                None,
                ProductCommand::ChangePrice { .. } | ProductCommand::Rename { .. } | ProductCommand::Discontinue,
            ) => Err(Refusal::ProductNotFound),
            (Some(ProductState::Active(details)), ProductCommand::ChangePrice { price }) => {
                let changed = details.price != price.money();
                let event = ProductEvent::PriceChanged(ProductPriceChanged { price: price.money() });
                Ok(changed.then_some(event).into_iter().collect())
            }
            (Some(ProductState::Active(details)), ProductCommand::Rename { name }) => {
                let changed = details.name != name.as_str();
                let event = ProductEvent::Renamed(ProductRenamed { name: name.as_str().to_owned() });
                Ok(changed.then_some(event).into_iter().collect())
            }
            (Some(ProductState::Active(details)), ProductCommand::Discontinue) => {
                Ok(vec![ProductEvent::Discontinued(ProductDiscontinued { sku: details.sku.clone() })])
            }
            (
                Some(ProductState::Discontinued(details)),
                ProductCommand::ChangePrice { .. } | ProductCommand::Rename { .. },
            ) => Err(Refusal::ProductDiscontinued { sku: details.sku.clone() }),
            (Some(ProductState::Discontinued(_)), ProductCommand::Discontinue) => Ok(Vec::new()),
        }
    }
}
