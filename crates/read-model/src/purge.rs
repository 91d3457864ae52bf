//! Out of the append-only file: what was erased stays in it until Redis writes it anew.
//!
//! The call that leaves a tombstone counts it in the same atomic step; the count is worked off by whoever asks for it,
//! so a crash in between forgets nothing.

use std::time::Duration;

use redis::Pipeline;
use runtime::backoff::Backoff;

use crate::{Error, ReadModel, Target};

/// The waits until the file is written anew.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LONGEST_LOOK: Duration = Duration::from_secs(1);

const REWRITING: &str = "rewriting the append-only file";

/// What a server tells of the rewrites of its append-only file.
struct Rewrites {
    /// How many it has done since it was started.
    done: u64,
    /// Whether the last one was well.
    is_well: bool,
}

impl ReadModel {
    /// If documents of this target became tombstones, has Redis write its append-only file anew, without what they held,
    /// and waits for that. Returns whether there was something to do. Several may do this at once.
    pub async fn purge(&self, target: &Target) -> Result<bool, Error> {
        let (purges, purged) = self.counts(target).await?;
        if purges <= purged {
            return Ok(false);
        }
        self.rewrite().await?;
        let mut done = Pipeline::new();
        done.cmd("SET").arg(target.purged()).arg(purges).ignore();
        self.connections.write_all::<()>("noting that erased documents are out of the log", &done).await?;
        Ok(true)
    }

    async fn counts(&self, target: &Target) -> Result<(u64, u64), Error> {
        let mut counts = redis::cmd("MGET");
        counts.arg(target.purges()).arg(target.purged());
        let (purges, purged): (Option<u64>, Option<u64>) =
            self.connections.read("counting erased documents", &counts).await?;
        Ok((purges.unwrap_or(0), purged.unwrap_or(0)))
    }

    /// A rewrite that begins from now on, to its end. One that is under way may have begun too early, so it is waited
    /// for first. The server may fail at it, or be another one by then, which has rewritten nothing.
    async fn rewrite(&self) -> Result<(), Error> {
        let before = self.rewrites().await?;
        let mut begin = Pipeline::new();
        begin.cmd("BGREWRITEAOF").ignore();
        self.connections.write_all::<()>(REWRITING, &begin).await?;
        let after = self.rewrites().await?;
        if after.done > before.done && after.is_well {
            return Ok(());
        }
        Err(Error::NotRewritten)
    }

    /// How it went, once no rewrite is under way or scheduled.
    async fn rewrites(&self) -> Result<Rewrites, Error> {
        let mut look = Backoff::new(FIRST_LOOK, LONGEST_LOOK);
        let mut ask = redis::cmd("INFO");
        ask.arg("persistence");
        loop {
            let info: String = self.connections.read("asking about the append-only file", &ask).await?;
            let told =
                |field: &str| info.lines().find_map(|line| line.trim_end().strip_prefix(field)?.strip_prefix(':'));
            let busy = |field: &str| told(field) == Some("1");
            if !busy("aof_rewrite_in_progress") && !busy("aof_rewrite_scheduled") {
                let done = told("aof_rewrites").and_then(|count| count.parse().ok()).unwrap_or(0);
                return Ok(Rewrites { done, is_well: told("aof_last_bgrewrite_status") == Some("ok") });
            }
            look.wait().await;
        }
    }
}
