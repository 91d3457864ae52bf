//! Moves marked commits from the outbox to the log, at least once and in version order per stream.
//!
//! Whatever crashes, is frozen or runs twice: in the log, the first occurrence of a version comes after one of the
//! version before it. This rests on three things only: `at` grows along a stream, a round reads one snapshot, and
//! after a failure nothing later of that stream loses its mark. The model test explores this over the real round.

mod again;
mod error;
mod failures;
mod lanes;
mod metrics;
mod ports;
mod presence;
mod round;
mod rounds;
mod run;

pub use again::Throttle;
pub use error::Error;
pub use lanes::owned;
pub use metrics::METRICS;
pub use ports::{Log, LogRound, Outbox, Pages, Refused};
pub use round::{Limits, Report};
pub use rounds::Rounds;
pub use run::{Config, Logs, run};
