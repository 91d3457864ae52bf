//! A group that is at rest begins at an earlier position, and reads on from there when it is started.

use std::collections::BTreeMap;

use bus::inventory::Inventory;
use bus::log::{GroupPositions, Moved, Span};

use super::{failed, items, records};
use crate::Error;
use crate::cli::ReplayCommand;
use crate::plan::Plan;
use crate::projections::refused;

/// Moves a group's positions in one topic, if it has no members.
pub(super) async fn reset(wish: &ReplayCommand, spans: &[Span], group: &str) -> Result<Plan, Error> {
    let groups = Inventory::connect(&wish.kafka).map_err(failed)?.groups().await.map_err(failed)?;
    let known = groups.iter().find(|found| found.name == group);
    if let Some(alive) = known.filter(|found| found.members > 0 || !matches!(found.state.as_str(), "Empty" | "Dead")) {
        let members = alive.members;
        return Ok(refused(group, format!("has {members} members (it is {}): {STOP_THEM}", alive.state)));
    }
    let positions = GroupPositions::of(&wish.kafka, group, &wish.topic).map_err(failed)?;
    let now = positions.now(spans).await.map_err(failed)?;
    let news = if known.is_none() { "; Kafka knows no such group yet" } else { "" };
    let whole = format!("will have {} records to read of {}{news}", records(spans), wish.topic);
    let items = items(group.to_owned(), whole, &wish.topic, spans, |span| change(span, &now));
    if wish.execute && positions.set(spans).await.map_err(failed)? == Moved::Alive {
        return Ok(refused(group, format!("got members just now: {STOP_THEM}")));
    }
    Ok(Plan { executed: wish.execute, items })
}

const STOP_THEM: &str = "stop them first. The positions of a group that is read are never moved";

fn change(span: &Span, now: &BTreeMap<i32, i64>) -> String {
    let before = now.get(&span.partition).map_or_else(|| "no position".to_owned(), |offset| format!("offset {offset}"));
    format!("from offset {} instead of {before}: {} records", span.from, span.records())
}
