//! Measuring a generation, and removing it.

use redis::Pipeline;

use super::walking::Walk;
use crate::{Error, ReadModel, Target, keys};

/// What a generation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footprint {
    /// How many documents it has.
    pub documents: u64,
    /// Bytes of memory of all its keys, as far as Redis tells.
    pub bytes: u64,
    /// Bytes that Redis uses for everything.
    pub used: u64,
    /// Bytes that Redis may use; 0 is without a limit.
    pub limit: u64,
}

impl ReadModel {
    /// Measures a generation while it is used.
    pub async fn footprint(&self, target: &Target) -> Result<Footprint, Error> {
        let mut footprint = Footprint::default();
        let documents = format!("{}:d:", target.prefix());
        let mut walk = Walk::over(target);
        while let Some(keys) = walk.step(self).await? {
            if keys.is_empty() {
                continue;
            }
            let mut commands = Pipeline::with_capacity(keys.len());
            for key in &keys {
                commands.cmd("MEMORY").arg("USAGE").arg(key);
            }
            let bytes: Vec<Option<u64>> = self.connections.read_all("measuring keys", &commands).await?;
            footprint.bytes += bytes.into_iter().flatten().sum::<u64>();
            let documents = keys.iter().filter(|key| key.starts_with(&documents)).count();
            footprint.documents += u64::try_from(documents).unwrap_or_default();
        }
        let mut ask = redis::cmd("INFO");
        ask.arg("memory");
        let info: String = self.connections.read("asking about memory", &ask).await?;
        footprint.used = number_in(&info, "used_memory");
        footprint.limit = number_in(&info, "maxmemory");
        Ok(footprint)
    }

    /// Has whoever [purges](Self::purge) this target make Redis write its append-only file anew, as after an erasure: what
    /// was removed with another generation is still in there. Of projectors those of the users do, who alone show personal
    /// data.
    pub async fn owe_purge(&self, target: &Target) -> Result<(), Error> {
        let mut count = Pipeline::new();
        count.cmd("INCR").arg(target.purges()).ignore();
        self.connections.write_all("noting that a dropped generation is in the log", &count).await
    }

    /// Removes what is stored of a generation that was [retired](Self::retire), in one walk, and returns how many keys
    /// that were. Who has not looked yet may still note when it was at an end: walk until nothing is found.
    pub async fn clear(&self, target: &Target) -> Result<u64, Error> {
        let mut removed = 0;
        let mut walk = Walk::over(target);
        while let Some(keys) = walk.step(self).await? {
            if keys.is_empty() {
                continue;
            }
            let mut commands = Pipeline::new();
            commands.cmd("UNLINK").arg(&keys);
            let (count,): (u64,) = self.connections.write_all("removing a dropped generation", &commands).await?;
            removed += count;
        }
        Ok(removed)
    }

    /// Forgets a generation of which nothing is left. Its number is never given out again.
    pub async fn forget(&self, target: &Target) -> Result<(), Error> {
        let mut commands = Pipeline::new();
        commands.cmd("HDEL").arg(keys::entries(target.projection)).arg(target.generation.0).ignore();
        self.connections.write_all("forgetting a generation", &commands).await
    }
}

fn number_in(info: &str, field: &str) -> u64 {
    let line = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|number| number.trim_end().parse().ok()).unwrap_or_default()
}
