//! What an audit finds, and when it counts.

use std::collections::{BTreeMap, BTreeSet};

use read_model::{Place, Survey};
use schemas::{StreamId, Version};

use crate::ends::{now_ms, was_at_the_end};

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It shows less than what was committed: drift only if it does not come by itself.
    Behind { shown: Version, head: Version },
    /// Its bytes are not those of the version that it says to show.
    Differs { version: Version },
    /// It says to show another event than the one that MongoDB has at its version.
    Other { version: Version },
    /// It shows more than was ever committed.
    Ahead { shown: Version, head: Version },
    /// It is right, and not to be found in this list or index as it should be.
    Misplaced { version: Version, list: String },
    /// It is right, and found at these places, where it should not be.
    Astray { places: BTreeSet<Place> },
    /// It showed this version, and another one by the time that its lists were looked at: nothing is known of them.
    Moved { version: Version },
}

/// A stream whose document looks wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suspect {
    pub(crate) finding: Finding,
    /// What was published when it began to be one, and when that was. Whatever came later has its own time to arrive.
    pub(crate) wanted: Version,
    since_ms: i64,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) compared: u64,
    /// Streams that wait for somebody, and are told by `ops parked` and `ops status`; each with the version that is shown.
    pub(crate) troubled: BTreeMap<StreamId, Version>,
    pub(crate) suspects: BTreeMap<StreamId, Suspect>,
}

impl Findings {
    /// A stream was found like this at this time; `published` says whether the log has all of it by now.
    pub(super) fn note(&mut self, stream: &StreamId, finding: Finding, (published, now_ms): (bool, i64)) {
        let known = self.suspects.get(stream).map(|suspect| (suspect.wanted, suspect.since_ms));
        let (wanted, since_ms) = match (&finding, known) {
            (Finding::Behind { shown, .. }, Some((wanted, since_ms))) if published && *shown < wanted => {
                (wanted, since_ms)
            }
            (Finding::Behind { head, .. }, _) => (*head, now_ms),
            (
                Finding::Differs { version }
                | Finding::Other { version }
                | Finding::Misplaced { version, .. }
                | Finding::Moved { version },
                _,
            ) => (*version, now_ms),
            (Finding::Ahead { shown, .. }, _) => (*shown, now_ms),
            (Finding::Astray { .. }, _) => (Version::NONE, now_ms),
        };
        self.suspects.insert(stream.clone(), Suspect { finding, wanted, since_ms });
    }

    /// A stream is found at these places and should not be; whatever else is wrong with it comes first.
    pub(super) fn note_strays(&mut self, stream: &StreamId, places: BTreeSet<Place>) {
        if !self.suspects.contains_key(stream) {
            self.note(stream, Finding::Astray { places }, (true, now_ms()));
        }
    }
}

impl Suspect {
    /// Whether it stays: what is only behind may still come, unless the projector has been at the end since then.
    pub(crate) fn is_drift(&self, stream: &StreamId, survey: &Survey) -> bool {
        match self.finding {
            Finding::Behind { .. } => was_at_the_end(&survey.at_end_ms, stream, self.since_ms),
            Finding::Moved { .. } => false,
            Finding::Differs { .. }
            | Finding::Other { .. }
            | Finding::Ahead { .. }
            | Finding::Misplaced { .. }
            | Finding::Astray { .. } => true,
        }
    }

    /// Where the document is found and should not be.
    pub(super) fn strays(&self) -> BTreeSet<Place> {
        match &self.finding {
            Finding::Astray { places } => places.clone(),
            Finding::Behind { .. }
            | Finding::Differs { .. }
            | Finding::Other { .. }
            | Finding::Ahead { .. }
            | Finding::Misplaced { .. }
            | Finding::Moved { .. } => BTreeSet::new(),
        }
    }

    /// Whether the document was not made from what MongoDB has: then nothing is known of what is right.
    pub(crate) const fn is_diverged(&self) -> bool {
        match self.finding {
            Finding::Behind { .. }
            | Finding::Differs { .. }
            | Finding::Misplaced { .. }
            | Finding::Astray { .. }
            | Finding::Moved { .. } => false,
            Finding::Other { .. } | Finding::Ahead { .. } => true,
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Behind { shown, head } if *shown == Version::NONE => {
                write!(f, "missing: version {head} is committed")
            }
            Self::Behind { shown, head } => write!(f, "behind: shows version {shown} of {head}"),
            Self::Differs { version } => write!(f, "differs from what its events come to at version {version}"),
            Self::Other { version } => write!(f, "differs: shows another event than MongoDB has as version {version}"),
            Self::Ahead { shown, head } => write!(f, "ahead: shows version {shown}, MongoDB has {head}"),
            // Texts are left out: they may be personal.
            Self::Misplaced { version, list } => {
                write!(f, "misplaced: {list} does not list version {version} as it should")
            }
            Self::Astray { places } => {
                let lists: BTreeSet<_> = places.iter().map(|place| place.list.as_str()).collect();
                let lists: Vec<_> = lists.into_iter().collect();
                write!(f, "astray: listed by {}, where it does not belong", lists.join(", "))
            }
            Self::Moved { version } => write!(f, "changed from version {version} on while it was looked at"),
        }
    }
}

#[cfg(test)]
mod tests {
    use schemas::OrderId;

    use super::*;
    use crate::ends::source_of;

    /// Whether a document that is behind counts when its projector was last at the end at second 20.
    fn counts(looks: &[(u32, u32, bool, i64)]) -> bool {
        let stream = OrderId::from_bits(1).stream().clone();
        let mut found = Findings::default();
        for (shown, head, published, now_ms) in looks {
            let finding = Finding::Behind { shown: Version(*shown), head: Version(*head) };
            found.note(&stream, finding, (*published, *now_ms));
        }
        let survey = Survey { at_end_ms: [(source_of(&stream), 20_000)].into(), ..Survey::default() };
        found.suspects[&stream].is_drift(&stream, &survey)
    }

    #[test]
    fn whatever_came_or_was_published_later_has_its_own_time_to_arrive() {
        assert!(counts(&[(2, 3, true, 10_000)]));
        assert!(counts(&[(2, 3, true, 10_000), (2, 4, true, 19_000)]), "version 3 is still not there");
        assert!(!counts(&[(2, 3, true, 10_000), (3, 4, true, 19_000)]), "another version is on its way");
        assert!(!counts(&[(2, 3, true, 10_000), (2, 3, false, 19_000)]), "it is only being published");
        assert!(!counts(&[(2, 3, true, 19_000)]), "the projector was not at the end since");
    }

    #[test]
    fn what_changed_while_it_was_looked_at_is_looked_at_again_and_is_no_drift() {
        let (stream, mut found) = (OrderId::from_bits(1).stream().clone(), Findings::default());
        found.note(&stream, Finding::Moved { version: Version(3) }, (true, 10_000));
        let survey = Survey { at_end_ms: [(source_of(&stream), 20_000)].into(), ..Survey::default() };
        let suspect = &found.suspects[&stream];
        assert!(!suspect.is_drift(&stream, &survey) && !suspect.is_diverged());
    }
}
