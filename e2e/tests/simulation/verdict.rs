//! What can turn out to be broken, and the look at everything when all has come to rest.

use std::collections::BTreeMap;

use event_store::KeyHash;
use schemas::{StreamId, Version};

use crate::commands::Told;
use crate::world::World;

/// A promise was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A version lies in the log before any occurrence of the one before it.
    Prefix { stream: StreamId, version: Version },
    /// A mark is gone, but the log does not have the commit.
    Lost { stream: StreamId, version: Version },
    /// A view is not the fold of its stream's events.
    View { stream: StreamId, version: Version },
    /// A projector stands still.
    StandsStill { reason: String },
    /// A command has no effect, or several, or another one than was told.
    Effect { command: usize, told: Vec<Version>, found: Vec<Version> },
    /// Without any further fault, everything came to rest although something was left to do.
    Unfinished { stream: StreamId, stored: Version, published: Version, shown: Version },
    /// It never came to rest.
    Restless,
}

impl World {
    /// Everything has come to rest.
    pub(crate) fn at_rest(&mut self, told: &[Told]) {
        for stream in self.streams.clone() {
            let stored = self.events(&stream).last().map_or(Version::NONE, |event| event.version);
            let (published, shown) = (self.published(&stream), self.views.version(&stream));
            if published < stored || shown < stored || self.views.gaps.contains_key(&stream) {
                self.breach(Violation::Unfinished { stream: stream.clone(), stored, published, shown });
            }
            self.check_view(&stream);
        }
        let effects = self.effects();
        for (command, told) in told.iter().enumerate() {
            let found = effects.get(&told.key).cloned().unwrap_or_default();
            if found.len() != 1 || told.versions.iter().any(|version| *version != found[0]) {
                self.breach(Violation::Effect { command, told: told.versions.clone(), found });
            }
        }
    }

    /// For each key, the versions to which its commands led.
    fn effects(&self) -> BTreeMap<KeyHash, Vec<Version>> {
        let mut effects: BTreeMap<_, Vec<Version>> = BTreeMap::new();
        for stored in &self.commits {
            let mut version = Version(stored.commit.first.0 - 1);
            for command in &stored.commit.commands {
                version = version.plus(command.events);
                effects.entry(command.key.unwrap()).or_default().push(version);
            }
        }
        effects
    }
}
