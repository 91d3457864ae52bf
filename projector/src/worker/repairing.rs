//! Documents that are to be made anew: which, and that it is done.

use views::View;

use super::Worker;
use crate::error::Stop;

impl<V: View> Worker<V> {
    /// Takes over what is asked for, before records are folded.
    pub(super) fn hear_repairs(&mut self) {
        // Whoever could ask is gone at the end only.
        if self.links.repairs.has_changed().unwrap_or(false) {
            let repairs = self.links.repairs.borrow_and_update().clone();
            self.progress.repair(repairs);
        }
    }

    /// Takes back what was asked for and is done. A crash before this repairs once more.
    pub(super) async fn tell_repaired(&mut self) -> Result<(), Stop> {
        let repaired = self.progress.take_repaired();
        let projection = self.links.target.projection;
        for stream in &repaired {
            tracing::warn!(projection, stream = stream.as_str(), "{stream} was made anew in {projection}");
        }
        Ok(self.links.read_model.end_repairs(&self.links.target, &repaired).await?)
    }
}
