//! Commits that this build passes over, in words.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use event_store::PassedOver;

use crate::plan::{Action, Item};

/// How many streams are named on one line.
const NAMED: usize = 10;
/// How many streams a process remembers to have named; beyond them it names no more.
const REMEMBERED: usize = 1_000;

/// An item of a plan for what was passed over, if anything was.
pub(crate) fn item(passed_over: &PassedOver, action: Action) -> Option<Item> {
    let PassedOver { commits, streams } = passed_over;
    let state = format!(
        "{commits} commits of {} are of a newer build, or behind such ones, and are passed over: use `ops` of the newest build for them",
        named(&streams.iter().map(String::as_str).collect::<Vec<_>>())
    );
    (*commits > 0).then(|| Item::new("what is unknown", action, state))
}

/// What a process has named of it; clones share that.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notice(Arc<Mutex<BTreeSet<String>>>);

impl Notice {
    /// Names what was not named before.
    pub(crate) fn tell(&self, passed_over: &PassedOver) {
        if let Some(streams) = self.news(passed_over) {
            tracing::warn!(
                streams,
                "commits of {streams} are of a newer build, or behind such ones, and the steward passes over them: run its \
                 newest build"
            );
        }
    }

    fn news(&self, PassedOver { streams, .. }: &PassedOver) -> Option<String> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = REMEMBERED.saturating_sub(told.len());
        let news: Vec<_> = streams.iter().filter(|stream| !told.contains(*stream)).take(room).cloned().collect();
        told.extend(news.iter().cloned());
        (!news.is_empty()).then(|| named(&news))
    }
}

/// As many as fit on a line.
fn named(streams: &[impl AsRef<str>]) -> String {
    let names: Vec<_> = streams.iter().take(NAMED).map(AsRef::as_ref).collect();
    let others = streams.len().saturating_sub(names.len());
    let others = if others > 0 { format!(" and {others} others") } else { String::new() };
    format!("{}{others}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(streams: impl IntoIterator<Item = String>) -> PassedOver {
        let streams: BTreeSet<_> = streams.into_iter().collect();
        PassedOver { commits: u32::try_from(streams.len()).unwrap_or(u32::MAX), streams }
    }

    #[test]
    fn each_stream_is_named_once_and_no_more_than_are_remembered() {
        let (notice, name) = (Notice::default(), |number: usize| format!("gift_{number}"));
        assert_eq!(notice.news(&of([])), None);
        assert_eq!(notice.news(&of([name(1)])).as_deref(), Some("gift_1"));
        assert_eq!(notice.clone().news(&of([name(1), name(2)])).as_deref(), Some("gift_2"));
        assert_eq!(notice.news(&of([name(1), name(2)])), None);
        let many = notice.news(&of((0..2 * REMEMBERED).map(name))).unwrap_or_default();
        assert!(many.ends_with(&format!(" and {} others", REMEMBERED - 2 - NAMED)), "{many}");
        assert_eq!(notice.news(&of((0..4 * REMEMBERED).map(name))), None);
    }
}
