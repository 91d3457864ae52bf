//! Personal data, between decoding and folding: the fold is pure and sees it opened.

use schemas::{AnyEvent, Recorded, UserEvent, UserId};
use vault::Vault;
use views::View;

use super::Worker;
use crate::error::Stop;

impl<V: View> Worker<V> {
    /// Opens what is sealed in an event. At an erasure it makes sure that the key is gone, in case that whoever erased the
    /// user died before: a replay comes here again, and changes nothing.
    pub(super) async fn personal(
        &self,
        offset: i64,
        mut recorded: Recorded<AnyEvent>,
    ) -> Result<Recorded<AnyEvent>, Stop> {
        let Some(vault) = &self.links.vault else { return Ok(recorded) };
        // A stream that is no user's is the fold's business.
        let Ok(user) = UserId::parse(recorded.stream.as_str()) else { return Ok(recorded) };
        match opened(vault, &user, &mut recorded.event).await {
            Ok(()) => Ok(recorded),
            Err(source) => Err(Stop::Vault { offset, stream: recorded.stream, source }),
        }
    }
}

async fn opened(vault: &Vault, user: &UserId, event: &mut AnyEvent) -> Result<(), vault::Error> {
    if matches!(event, AnyEvent::User(UserEvent::Erased(_))) {
        return vault.ensure_destroyed(user).await;
    }
    vault.open_all(user, event.sealed_mut()).await
}
