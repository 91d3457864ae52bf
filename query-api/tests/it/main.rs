//! The query API's routes over a real Redis, filled as projectors fill it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod board;
mod caller;
mod consistency;
mod documentation;
mod events;
mod explain;
mod health;
mod listening;
mod order;
mod outage;
mod parked;
mod past;
mod payment;
mod pipeline;
mod product;
mod projection;
mod stage;
mod user;
