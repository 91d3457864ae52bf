//! The append-only file, which Redis is asked to write anew: what was erased stays in it until then, and so does what was
//! cut off in the middle.
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

/// What a server tells of its append-only file.
struct Rewrites {
    /// Whether it keeps one.
    kept: bool,
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

    /// Has a server that was started, and has not written its file anew since, do so; returns whether it had to.
    ///
    /// A file may end in the middle of a transaction. Redis leaves that transaction out then, but in the file it keeps the
    /// commands that are whole; at its next start it carries them out with the transaction behind them (7.0, function
    /// `loadSingleAppendOnlyFile`: a short read cuts behind the last command, and not before the `MULTI`).
    pub async fn renew_file(&self) -> Result<bool, Error> {
        let Rewrites { kept, done, is_well } = self.rewrites().await?;
        if !kept || (done > 0 && is_well) {
            return Ok(false);
        }
        self.rewrite().await.map(|()| true)
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
        self.connections.write_all::<()>("rewriting the append-only file", &begin).await?;
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
            let holds = |field: &str| told(field) == Some("1");
            if !holds("aof_rewrite_in_progress") && !holds("aof_rewrite_scheduled") {
                let done = told("aof_rewrites").and_then(|count| count.parse().ok()).unwrap_or(0);
                let is_well = told("aof_last_bgrewrite_status") == Some("ok");
                return Ok(Rewrites { kept: holds("aof_enabled"), done, is_well });
            }
            look.wait().await;
        }
    }
}
