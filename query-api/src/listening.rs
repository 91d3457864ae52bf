//! From where to listen so that nothing falls between an answer and the subscription after it: `Prefer: feed-cursor`.
//!
//! The order is the point: the projections' positions are read first, then the views, then the feed.

use std::collections::BTreeMap;

use read_model::{Source, feeds};
use runtime::problem::Problem;
use sessions::Caller;
use views::Projection;

use crate::App;
use crate::app::unreadable;
use crate::terms::Terms;

/// How far some projections were before their views were read.
#[derive(Debug)]
pub(crate) struct Mark(Vec<(Projection, BTreeMap<Source, i64>)>);

impl App {
    /// Taken before the views are read, if the caller wants to listen.
    pub(crate) async fn mark(&self, over: &[Projection], terms: &Terms) -> Result<Option<Mark>, Problem> {
        if !terms.listens {
            return Ok(None);
        }
        let mut mark = Vec::new();
        for projection in over {
            let positions = self.reader.positions(projection.name()).await.map_err(|error| unreadable(&error))?;
            mark.push((*projection, positions));
        }
        Ok(Some(Mark(mark)))
    }

    /// The place in the caller's own feed behind which lies everything that the views may not contain; `None` if that
    /// was not asked, or if the feed does not reach back far enough.
    pub(crate) async fn since(&self, mark: Option<Mark>, caller: &Caller) -> Result<Option<feeds::Cursor>, Problem> {
        let Some(Mark(mark)) = mark else { return Ok(None) };
        let mut earliest: Option<feeds::Cursor> = None;
        for (projection, positions) in mark {
            let topic = projection.aggregate().topic();
            let place = self.model.feed_listening(&caller.user, topic, &positions).await;
            let Some(place) = place.map_err(|error| unreadable(&error))? else { return Ok(None) };
            earliest = earliest.filter(|earliest| earliest.seq <= place.seq).or(Some(place));
        }
        Ok(earliest)
    }
}
