//! The payment provider. [`Provider`] is a client for the part of Stripe's `PaymentIntents` API that we use; [`webhook`]
//! checks what the provider tells us by itself; [`sandbox`] is a server that speaks the same part, for development and
//! tests, so that nothing leaves the machine.
//!
//! Promise: one key has one effect at the provider, however often a call is repeated, and a call whose outcome is not
//! known says so instead of guessing.

mod client;
mod config;
mod failure;
mod intent;

pub mod sandbox;
pub mod webhook;

pub use client::{Authorization, Provider, Refunding};
pub use config::PaymentsConfig;
pub use failure::{Error, Failure, Lost};
pub use intent::{Intent, IntentStatus, Refund, RefundStatus};
