//! The owners' feeds: per user a Redis stream whose entries are numbered without gaps and chained by a digest.
//!
//! One Function call appends a partition's batch and stores its position, so every event enters its owner's feed
//! exactly once and in the order of its stream, whatever is retried, replayed or consumed twice. A feed keeps its
//! newest 1,000 entries and none older than 24 hours; its numbers and the versions of the streams stay for ever.

mod append;
mod bells;
mod cursor;
mod listening;
mod park;
mod read;
mod tickets;

use std::time::Duration;

use schemas::UserId;

pub use append::{Appended, Batch, Counts, Event};
pub use bells::{Bell, Bells, Growth};
pub use cursor::{Cursor, InvalidCursor};
pub use park::{Passed, Poison};
pub use read::{Entry, Read};

/// The most entries that a feed keeps.
pub const MOST_ENTRIES: u32 = 1_000;
/// How old an entry of a feed may get; an event that is older than this never enters one.
pub const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) const POSITIONS: &str = "{feeds}:pos";
pub(crate) const VERSIONS: &str = "{feeds}:v";
pub(crate) const GAPS: &str = "{feeds}:gaps";
pub(crate) const PARKED: &str = "{feeds}:parked";
pub(crate) const DISCARDED: &str = "{feeds}:discarded";

fn entries_key(user: &UserId) -> String {
    format!("{{feeds}}:u:{user}")
}

fn head_key(user: &UserId) -> String {
    format!("{{feeds}}:h:{user}")
}

fn bell_channel(user: &UserId) -> String {
    format!("{{feeds}}:bell:{user}")
}
