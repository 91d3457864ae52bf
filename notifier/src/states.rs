//! Where the states lie that stand for what happened to a stream.

use schemas::{Aggregate, StreamId};

pub(crate) const ORDERS: &str = "orders";
pub(crate) const PAYMENTS: &str = "payments";
pub(crate) const FULFILMENT: &str = "fulfilment";
pub(crate) const PRODUCTS: &str = "products";
pub(crate) const STOCK: &str = "stock";

/// The projection whose documents are the states of this stream's aggregate. Users are told to nobody.
pub(crate) fn projection_of(stream: &StreamId) -> Option<&'static str> {
    match stream.aggregate() {
        Aggregate::Order => Some(ORDERS),
        Aggregate::Payment => Some(PAYMENTS),
        Aggregate::Fulfilment => Some(FULFILMENT),
        Aggregate::Product => Some(PRODUCTS),
        Aggregate::Stock => Some(STOCK),
        Aggregate::User => None,
    }
}
