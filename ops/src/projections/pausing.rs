//! A pause: for a while no projector feeds a projection, and what happens meanwhile waits in the log. It ends by itself.

use std::time::Duration;

use super::Views;
use crate::Error;
use crate::plan::{Action, Item, Plan};

/// The longest pause in seconds. Whoever wants a longer one asks again.
pub(crate) const LONGEST: u8 = 60;

/// Has a projection stand still for so many seconds from now on; none ends a pause.
pub(crate) async fn pause(views: &Views, seconds: u8, execute: bool) -> Result<Plan, Error> {
    let left = left(views).await?;
    let (action, state) = match (seconds, left.is_zero()) {
        (0, true) => (Action::None, "is fed: there is no pause to end".to_owned()),
        (0, false) => (Action::Change, format!("goes on, {} s before it would by itself", left.as_secs())),
        (seconds, _) => {
            let state = format!(
                "stands still for {seconds} s; commands and queries are answered, and what waits is caught up with then"
            );
            (Action::Change, state)
        }
    };
    if execute && action == Action::Change {
        views.read_model.pause(views.name(), Duration::from_secs(seconds.into())).await?;
    }
    Ok(Plan { executed: execute, items: vec![Item::new(views.name(), action, state)] })
}

/// For how much longer a projection pauses; zero if it does not.
pub(super) async fn left(views: &Views) -> Result<Duration, Error> {
    Ok(views.read_model.pauses(&[views.name()]).await?.into_iter().next().unwrap_or_default())
}
