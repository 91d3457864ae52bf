//! The read model: views and feeds in Redis. The only crate that speaks Redis.
//!
//! Views are written by one Redis Function, one call per partition batch. The call compares the stored position with
//! the one the batch builds on, and every document's version with the one it was folded on, before it writes
//! documents, lists, gaps, parked streams and the new position in one atomic step. So a retried call, a zombie, a replay
//! and a Redis that lost its last writes are all recognised, and every event counts exactly once.

mod batch;
mod changes;
mod connection;
mod document;
mod error;
mod file;
mod keys;
mod library;
mod notices;
mod parking;
mod pauses;
mod places;
mod position;
mod reader;
mod repairs;
mod subscription;
mod survey;
mod trails;
mod writer;

pub mod feeds;
pub mod generations;

pub use batch::{Applied, Batch, DocumentWrite, Gap, MAX_BATCH};
pub use changes::{Change, Changes};
pub use connection::RedisConfig;
pub use document::Document;
pub use error::Error;
pub use notices::{Awaited, Notices, Waited};
pub use parking::{Cause, Discarded, MAX_PARKED, Origin, Park, Parked, Parking, ParkingEntry, Released, Sink};
pub use places::{Place, Placed, Places, Placing};
pub use position::{Generation, Source, Target};
pub use reader::{Cursor, Entry, Order, Page, Ranks, Reader};
pub use survey::{Reached, Survey};
pub use trails::{Sighting, Sightings, Trail};
pub use writer::{Freshness, Standing};

use connection::Connections;
use runtime::Process;
use tokio::sync::watch;

/// The views and feeds; clones share the connections.
#[derive(Debug, Clone)]
pub struct ReadModel {
    connections: Connections,
}

impl ReadModel {
    /// Starts connecting, and keeps connecting until shutdown; fails only if the address cannot be one. The health
    /// dependency `redis` tells whether Redis is there. Dropping a call's future is safe: it is as if its reply was
    /// lost.
    pub fn connect(config: &RedisConfig, process: &Process) -> Result<Self, Error> {
        Ok(Self { connections: Connections::start(config, process)? })
    }

    /// Changes whenever a connection was made: Redis may have been restarted, and may have lost its last writes, so
    /// whoever remembers a position compares it with the stored one.
    #[must_use]
    pub fn reconnections(&self) -> watch::Receiver<u64> {
        self.connections.made()
    }

    /// What queries read with. Make one and clone it: it remembers which generations are live.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(self.connections.clone())
    }

    /// Starts listening to what is applied; make one per process and clone it.
    #[must_use]
    pub fn notices(&self, process: &Process) -> Notices {
        Notices::start(self.connections.clone(), process)
    }
}
