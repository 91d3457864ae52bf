//! Streams that did not go on, and are let go by the first build that can read them.

use read_model::Released;
use schemas::Version;
use views::View;

use super::Worker;
use crate::error::Stop;

impl<V: View> Worker<V> {
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
