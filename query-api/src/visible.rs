//! Who may see a document that somebody owns: its owner, and every admin.

use runtime::problem::Problem;
use schemas::{Role, UserId};
use serde::Deserialize;
use sessions::Caller;

use crate::answer::Shown;

/// The one field of a stored document that decides who may see it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owned {
    user_id: UserId,
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
