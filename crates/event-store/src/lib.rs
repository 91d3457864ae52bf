//! MongoDB as an event store: one immutable commit document per command, which is at once the events, the proof of
//! idempotence and the outbox mark. Generic: no aggregate is named here.
//!
//! `{_id: {s, v}}` is the one unique key: stream and version of the commit's first event. Whoever inserts it first has
//! that version; everybody else reloads. Writes are grouped ([`EventStore::append`]) and acknowledged only when a
//! majority has journalled them; reads see only what a majority has.

mod commit;
mod connection;
mod deadlines;
mod error;
mod lane;
mod mark;
mod metrics;
mod outbox;
mod passed_over;
mod republish;
mod store;
mod trace;
mod transaction;
mod writer;

pub use commit::{Appended, CommandRecord, Commit, CommitId, Fingerprint, KeyHash, StoredEvent, Unreadable};
pub use deadlines::{Deadline, Deadlines};
pub use error::Error;
pub use lane::{LANES, Lanes, lane, murmur2};
pub use metrics::METRICS;
pub use outbox::{Doorbell, HEARTBEAT_LIFETIME, Marked, Outbox, Presence, Snapshot};
pub use passed_over::PassedOver;
pub use republish::{Extent, Head, Page, Republisher, Selection, Walk};
pub use store::{Config, EventStore, PAGE, TailPage};
pub use transaction::Transaction;
