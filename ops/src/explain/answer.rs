//! What `ops explain` answers.

use std::fmt;

use serde::Serialize;
use views::Explanation;

use crate::answer::Answer;

/// The answer, whose fields are a promise.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    #[serde(flatten)]
    pub(super) explanation: Explanation,
    pub(super) views: Vec<Seen>,
}

/// How far one view shows one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seen {
    pub(super) projection: &'static str,
    pub(super) generation: u32,
    pub(super) stream: String,
    /// The version that is shown; 0 if nothing is.
    pub(super) version: u32,
    /// The newest version that is committed.
    pub(super) head: u32,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.explanation)?;
        for Seen { projection, generation, stream, version, head } in &self.views {
            let word = if version >= head { "shown" } else { "behind" };
            write!(f, "\n{word}  {projection} g{generation}  {stream} v{version} of {head}")?;
        }
        Ok(())
    }
}

impl From<Explained> for Answer {
    fn from(explained: Explained) -> Self {
        Self::of(explained.to_string(), &explained)
    }
}

#[cfg(test)]
mod tests {
    use schemas::OrderId;

    use super::*;

    #[test]
    fn how_far_views_are_stands_behind_what_happened() {
        let order = OrderId::from_bits(1);
        let seen = Seen { projection: "orders", generation: 1, stream: order.to_string(), version: 1, head: 2 };
        let explained = Explained { explanation: Explanation::new(&order, Vec::new()), views: vec![seen] };
        let text = format!("{order}: 0 events within 0 ms\nbehind  orders g1  {order} v1 of 2");
        let json = format!(
            r#"{{"order":"{order}","tookMicros":0,"events":[],"views":[{{"projection":"orders","generation":1,"stream":"{order}","version":1,"head":2}}]}}"#
        );
        let Answer { text: told, json: answered, .. } = explained.into();
        assert_eq!((told, answered), (text, json));
    }
}
