//! Who may see a document that somebody owns: its owner, and every admin.

use read_model::Document;
use runtime::problem::Problem;
use schemas::{Role, StreamId, UserId};
use serde::Deserialize;
use sessions::Caller;

use crate::answer::Shown;

/// The one field of a stored document that decides who may see it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owned {
    user_id: UserId,
}

/// Whether this is a user's own: the document of him or her, or one that names him or her as its owner.
pub(crate) fn is_of(user: &UserId, stream: &StreamId, document: &Document) -> bool {
    let names = |body: &Vec<u8>| serde_json::from_slice::<Owned>(body).is_ok_and(|owned| owned.user_id == *user);
    stream == user.stream() || document.body.as_ref().is_some_and(names)
}

impl Shown {
    /// The document, if the caller may see it. Whoever asks for somebody else's gets the answer of one that never was.
    pub(crate) fn visible_to(self, caller: &Caller) -> Result<Option<Self>, Problem> {
        let Owned { user_id } = serde_json::from_slice(&self.body).map_err(|error| {
            tracing::error!(error = runtime::chain(&error), "a stored document has no owner");
            Problem::internal()
        })?;
        Ok((caller.role == Role::Admin || caller.user == user_id).then_some(self))
    }
}
