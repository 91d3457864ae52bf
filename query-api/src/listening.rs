//! From where to listen so that nothing falls between an answer and the subscription after it: `Prefer: feed-cursor`.
//!
//! The order is the point: the projection's positions are read first, then the view, then the feed.

use std::collections::BTreeMap;

use read_model::{Source, feeds};
use runtime::problem::Problem;
use sessions::Caller;
use views::Projection;

use crate::App;
use crate::app::unreadable;
use crate::terms::Terms;

/// How far a projection was before the view was read.
#[derive(Debug)]
pub(crate) struct Mark {
    projection: Projection,
    positions: BTreeMap<Source, i64>,
}

impl App {
    /// Taken before the view is read, if the caller wants to listen.
    pub(crate) async fn mark(&self, projection: Projection, terms: &Terms) -> Result<Option<Mark>, Problem> {
        if !terms.listens {
            return Ok(None);
        }
        let positions = self.reader.positions(projection.name()).await.map_err(|error| unreadable(&error))?;
        Ok(Some(Mark { projection, positions }))
    }

    /// The place in the caller's own feed behind which lies everything that the view may not contain; `None` if that
    /// was not asked, or if the feed does not reach back far enough.
    pub(crate) async fn since(&self, mark: Option<Mark>, caller: &Caller) -> Result<Option<feeds::Cursor>, Problem> {
        let Some(Mark { projection, positions }) = mark else { return Ok(None) };
        let topic = projection.aggregate().topic();
        self.model.feed_listening(&caller.user, topic, &positions).await.map_err(|error| unreadable(&error))
    }
}
