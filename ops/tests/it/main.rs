//! The operators' command line against real servers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod apply;
mod audit;
mod away;
mod deployed;
mod explain;
mod master;
mod parked;
mod people;
mod projections;
mod replay;
mod republish;
mod shown;
mod steward;
mod tail;
mod watch;
