//! Personal data, between decoding and folding: the fold is pure and sees it opened.

use schemas::{AnyEvent, Recorded, UserEvent, UserId};
use views::View;

use super::Worker;

impl<V: View> Worker<V> {
    /// Opens what is sealed in an event. At an erasure it makes sure that the key is gone, in case that whoever erased the
    /// user died before: a replay comes here again, and changes nothing.
    pub(super) async fn open(&self, recorded: &mut Recorded<AnyEvent>) -> Result<(), vault::Error> {
        let Some(vault) = &self.links.vault else { return Ok(()) };
        // A stream that is no user's is the fold's business.
        let Ok(user) = UserId::parse(recorded.stream.as_str()) else { return Ok(()) };
        if matches!(recorded.event, AnyEvent::User(UserEvent::Erased(_))) {
            return vault.ensure_destroyed(&user).await;
        }
        vault.open_all(&user, recorded.event.sealed_mut()).await
    }
}
