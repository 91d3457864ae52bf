//! The end of a generation: projectors stop feeding it, then its keys are removed, a bounded number at a time. Repeating
//! it does what is left.

use std::time::Duration;

use read_model::Generation;
use read_model::generations::{Footprint, Generations, Retired};
use runtime::backoff::Backoff;
use runtime::clock;
use views::Projection;

use super::{Views, refused};
use crate::Error;
use crate::plan::{Action, Item, Plan};

/// By then every projector has looked which generations there are. No document is written any more once a generation is
/// retired, because `views_apply` looks at its entry; but whoever has not looked yet may note when it was at an end.
const UNFED: Duration = Duration::from_secs(3);
const FIRST_LOOK: Duration = Duration::from_millis(200);
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// Why there is nothing to drop.
const NEVER: &str = "there never was such a generation";

/// Drops a generation that is not live.
pub(super) async fn drop(views: &Views, generation: Generation, execute: bool) -> Result<Plan, Error> {
    let target = views.target(generation);
    let generations = match views.generations().await? {
        Ok(generations) => generations,
        Err(refusal) => return Ok(refusal),
    };
    if generation == generations.live {
        return Ok(refused(views.called(generation), "is live: readers see it"));
    }
    if !views.read_model.ever_was(&target).await? {
        return Ok(refused(views.called(generation), NEVER));
    }
    let footprint = views.read_model.footprint(&target).await?;
    let items = vec![item(views, &generations, generation, &footprint)];
    if !execute {
        return Ok(Plan { executed: false, items });
    }
    match views.read_model.retire(&target).await? {
        Retired::Done => {}
        Retired::Live => return Ok(refused(views.called(generation), "became live meanwhile: readers see it")),
        Retired::Unknown => return Ok(refused(views.called(generation), NEVER)),
    }
    let retired = clock::monotonic();
    let mut pause = Backoff::new(FIRST_LOOK, LONGEST_LOOK);
    while views.read_model.clear(&target).await? > 0 || retired.elapsed() < UNFED {
        pause.wait().await;
    }
    // What was removed is still in Redis's file. Personal data is shown of users alone, and their projectors look after it.
    if views.projection == Projection::Users {
        views.read_model.owe_purge(&views.target(generations.live)).await?;
    }
    views.read_model.forget(&target).await?;
    Ok(Plan { executed: true, items })
}

fn item(views: &Views, generations: &Generations, generation: Generation, footprint: &Footprint) -> Item {
    let (documents, mebibytes) = (footprint.documents, footprint.bytes.div_ceil(1 << 20));
    let known = if generations.entries.contains_key(&generation) { "" } else { "was dropped before; " };
    let state = format!("{known}no projector feeds it any more, {documents} documents ({mebibytes} MiB) are removed");
    Item::new(views.called(generation), Action::Change, state)
}
