//! Walking over what one generation has, in bounded steps: Redis is held up for less than a millisecond by each.

use redis::{Cmd, Pipeline};

use crate::{Error, ReadModel, Target};

/// How many keys one step looks at.
const STEP: usize = 500;
/// How many members of each list.
const MEMBERS: usize = 100;

/// A walk over the keys of one generation. Keys that are there all the time are met at least once.
pub(crate) struct Walk {
    pattern: String,
    cursor: Option<String>,
}

impl Walk {
    pub(crate) fn over(target: &Target) -> Self {
        Self { pattern: format!("{}:*", target.prefix()), cursor: Some("0".to_owned()) }
    }

    /// The next keys, perhaps none; `None` at the end of the walk.
    pub(crate) async fn step(&mut self, read_model: &ReadModel) -> Result<Option<Vec<String>>, Error> {
        let Some(cursor) = self.cursor.take() else { return Ok(None) };
        let mut scan = Cmd::new();
        scan.arg("SCAN").arg(cursor).arg("MATCH").arg(&self.pattern).arg("COUNT").arg(STEP);
        let (next, keys): (String, Vec<String>) = read_model.connections.read("walking over keys", &scan).await?;
        self.cursor = (next != "0").then_some(next);
        Ok(Some(keys))
    }
}

/// A walk over the members of some lists, all of them at once: most lists are short. Members that are there all the time
/// are met at least once.
pub(crate) struct Members {
    target: Target,
    /// Each list that is not through, and where to go on.
    cursors: Vec<(String, String)>,
}

impl Members {
    pub(crate) fn of(target: &Target, lists: impl Iterator<Item = String>) -> Self {
        Self { target: *target, cursors: lists.map(|list| (list, "0".to_owned())).collect() }
    }

    /// The next members, perhaps none, each with its list; `None` at the end of the walk.
    pub(crate) async fn step(&mut self, read_model: &ReadModel) -> Result<Option<Vec<(String, String)>>, Error> {
        if self.cursors.is_empty() {
            return Ok(None);
        }
        let mut scans = Pipeline::with_capacity(self.cursors.len());
        for (list, cursor) in &self.cursors {
            scans.cmd("ZSCAN").arg(self.target.list(list)).arg(cursor).arg("COUNT").arg(MEMBERS);
        }
        let found: Vec<(String, Vec<(String, String)>)> =
            read_model.connections.read_all("walking over lists", &scans).await?;
        let mut members = Vec::new();
        for ((list, cursor), (next, scored)) in self.cursors.iter_mut().zip(found) {
            members.extend(scored.into_iter().map(|(member, _score)| (list.clone(), member)));
            *cursor = next;
        }
        self.cursors.retain(|(_, cursor)| cursor != "0");
        Ok(Some(members))
    }
}
