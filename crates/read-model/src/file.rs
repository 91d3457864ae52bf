//! The append-only file, which Redis is asked to write anew: what was erased stays in it until then, and so does what was
//! cut off in the middle.
//!
//! The call that leaves a tombstone counts it in the same atomic step; the count is worked off by whoever asks for it,
//! so a crash in between forgets nothing.

use std::time::Duration;

use runtime::backoff::Backoff;

use crate::library::GENERATIONS;
use crate::{Error, ReadModel, Target};

/// The waits until the file is written anew.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// What a server tells of its append-only file.
struct Rewrites {
    /// Whether it keeps one.
    kept: bool,
    /// Whether it is being written anew, or will be next.
    under_way: bool,
    /// How often that was begun since the server was started: Redis counts it before it begins.
    begun: u64,
    /// Whether the last one that has ended was well.
    is_well: bool,
}

impl ReadModel {
    /// If documents of this target became tombstones, has Redis write its append-only file anew, without what they held,
    /// and waits for that. Returns whether there was something to do. Several may do this at once: they share a rewrite
    /// that began after what each of them found.
    pub async fn purge(&self, target: &Target) -> Result<bool, Error> {
        let (purges, purged) = self.counts(target).await?;
        if purges <= purged {
            return Ok(false);
        }
        // Whatever is begun after this look is without what those documents held.
        let seen = self.rewrites().await?.begun;
        let rested = self.rested().await?;
        let (_, purged) = self.counts(target).await?;
        if purges <= purged {
            return Ok(false);
        }
        self.rewritten_since(seen, rested).await?;
        let mut note = GENERATIONS.call("generations_purged", &[target.purged()]);
        note.arg(purges);
        self.connections.call::<u64>("noting that erased documents are out of the log", &note).await?;
        Ok(true)
    }

    /// Has a server that was started, and has not written its file anew since, do so; returns whether it had to.
    ///
    /// A file may end in the middle of a transaction. Redis leaves that transaction out then, but in the file it keeps the
    /// commands that are whole; at its next start it carries them out with the transaction behind them (7.0, function
    /// `loadSingleAppendOnlyFile`: a short read cuts behind the last command, and not before the `MULTI`).
    pub async fn renew_file(&self) -> Result<bool, Error> {
        let rested = self.rested().await?;
        if !rested.kept || (rested.begun > 0 && rested.is_well) {
            return Ok(false);
        }
        self.rewritten_since(rested.begun, rested).await.map(|()| true)
    }

    async fn counts(&self, target: &Target) -> Result<(u64, u64), Error> {
        let mut counts = redis::cmd("MGET");
        counts.arg(target.purges()).arg(target.purged());
        let (purges, purged): (Option<u64>, Option<u64>) =
            self.connections.read("counting erased documents", &counts).await?;
        Ok((purges.unwrap_or(0), purged.unwrap_or(0)))
    }

    /// A rewrite behind so many, to its end; begins one if nobody has. The server may fail at it, or be another one by
    /// then, which has rewritten nothing.
    async fn rewritten_since(&self, seen: u64, rested: Rewrites) -> Result<(), Error> {
        let mut last = rested;
        if last.begun <= seen {
            let begin = redis::cmd("BGREWRITEAOF");
            match self.connections.call::<String>("rewriting the append-only file", &begin).await {
                Ok(_) => {}
                // None was under way a moment ago, so that one is as good as ours.
                Err(Error::Refused { source, .. }) if is_under_way(&source) => {}
                Err(error) => return Err(error),
            }
            last = self.rested().await?;
        }
        if last.begun > seen && last.is_well { Ok(()) } else { Err(Error::NotRewritten) }
    }

    /// How it went, once no rewrite is under way.
    async fn rested(&self) -> Result<Rewrites, Error> {
        let mut look = Backoff::new(FIRST_LOOK, LONGEST_LOOK);
        loop {
            let rewrites = self.rewrites().await?;
            if !rewrites.under_way {
                return Ok(rewrites);
            }
            look.wait().await;
        }
    }

    async fn rewrites(&self) -> Result<Rewrites, Error> {
        let mut ask = redis::cmd("INFO");
        ask.arg("persistence");
        let info: String = self.connections.read("asking about the append-only file", &ask).await?;
        let told = |field: &str| info.lines().find_map(|line| line.trim_end().strip_prefix(field)?.strip_prefix(':'));
        let holds = |field: &str| told(field) == Some("1");
        Ok(Rewrites {
            kept: holds("aof_enabled"),
            under_way: holds("aof_rewrite_in_progress") || holds("aof_rewrite_scheduled"),
            begun: told("aof_rewrites").and_then(|count| count.parse().ok()).unwrap_or(0),
            is_well: told("aof_last_bgrewrite_status") == Some("ok"),
        })
    }
}

/// Whether Redis was at it already, and began nothing.
fn is_under_way(error: &redis::RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("already in progress"))
}
