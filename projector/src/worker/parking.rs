//! Streams that do not go on: parked by the batch that came to them, let go by the first build that can read them.

use read_model::{Park, Parking, Released};
use runtime::clock;
use schemas::{Timestamp, Version};
use views::View;

use super::Worker;
use crate::error::Stop;
use crate::fold::{Barred, Effect};

impl<V: View> Worker<V> {
    /// What an effect says about streams that do not go on, in the read model's terms.
    pub(super) fn parking(&self, effect: &mut Effect) -> Parking {
        let (barred, held) = (std::mem::take(&mut effect.barred), std::mem::take(&mut effect.held));
        let now = Timestamp::from_micros(clock::now_micros());
        let park = |Barred { from, refusal, .. }: Barred| {
            let stream = refusal.stream.clone();
            Park { stream, from, entry: refusal.entry(&self.source, now) }
        };
        Parking { parks: barred.into_iter().map(park).collect(), held }
    }

    /// Says it once per stream: somebody must look.
    pub(super) fn say_parked(&self, parks: &[Park]) {
        let projection = self.links.target.projection;
        for Park { stream, entry, .. } in parks {
            let version = entry.version.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
            tracing::error!(
                projection,
                stream = stream.as_str(),
                version,
                partition = %self.source,
                offset = entry.offset,
                "{stream} is parked in {projection}, the others go on: {}; see `ops parked show`",
                entry.reason,
            );
        }
    }

    /// Lets streams of this partition go on that were parked for a type of event that this build knows. What they lack
    /// is a gap from then on.
    pub(super) async fn release_known(&self) -> Result<(), Stop> {
        let (model, target) = (&self.links.read_model, &self.links.target);
        for parked in model.parked(target).await? {
            if !parked.entry.is_known_now(&self.source, |name| self.links.decoder.knows(name)) {
                continue;
            }
            let head = parked.entry.version.unwrap_or(Version::NONE);
            if let Released::Done { .. } = model.redrive(target, &parked, head).await? {
                let (projection, stream) = (target.projection, &parked.stream);
                tracing::info!(projection, stream = stream.as_str(), "{stream} goes on: this build knows its event");
            }
        }
        Ok(())
    }
}
