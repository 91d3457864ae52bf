//! Whom each aggregate's events concern.

use domain::fulfilment::{Fulfilment, FulfilmentState};
use domain::order::{Order, OrderState};
use domain::payment::{Payment, PaymentState};
use domain::product::{Product, ProductState};
use domain::stock::{Stock, StockState};
use domain::user::{User, UserState};
use schemas::{StreamId, UserId};

use crate::streams::Stream;

impl Stream for Order {
    fn owner(_: &StreamId, state: &OrderState) -> Option<UserId> {
        Some(state.details.owner.clone())
    }
}

impl Stream for Product {
    fn owner(_: &StreamId, _: &ProductState) -> Option<UserId> {
        None
    }
}

impl Stream for Stock {
    fn owner(_: &StreamId, _: &StockState) -> Option<UserId> {
        None
    }
}

impl Stream for Payment {
    fn owner(_: &StreamId, state: &PaymentState) -> Option<UserId> {
        Some(state.details().user.clone())
    }
}

impl Stream for User {
    fn owner(stream: &StreamId, _: &UserState) -> Option<UserId> {
        UserId::parse(stream.as_str()).ok()
    }
}

impl Stream for Fulfilment {
    fn owner(_: &StreamId, state: &FulfilmentState) -> Option<UserId> {
        Some(state.details.user.clone())
    }
}
