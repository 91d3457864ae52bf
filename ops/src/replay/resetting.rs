//! A group that is at rest begins at an earlier position, and reads on from there when it is started. It never begins
//! at a later one: what it has not read yet would be passed over for ever.

use std::collections::BTreeMap;

use bus::inventory::Inventory;
use bus::log::{GroupPositions, Moved, Span};

use super::{failed, items, records};
use crate::Error;
use crate::cli::ReplayCommand;
use crate::plan::{Action, Plan};
use crate::projections::refused;

/// Moves a group's positions in one topic back, if it has no members.
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
    let read: Vec<_> = spans.iter().map(|span| Span { from: begins(span, &now), ..*span }).collect();
    let whole = format!("will have {} records to read of {}{news}", records(&read), wish.topic);
    let items = items(group.to_owned(), whole, &wish.topic, spans, |span| change(span, &now));
    let earlier: Vec<_> = spans.iter().filter(|span| stays(span, &now).is_none()).copied().collect();
    if wish.execute && !earlier.is_empty() && positions.set(&earlier).await.map_err(failed)? == Moved::Alive {
        return Ok(refused(group, format!("got members just now: {STOP_THEM}")));
    }
    Ok(Plan { executed: wish.execute, items })
}

const STOP_THEM: &str = "stop them first. The positions of a group that is read are never moved";

/// Where the group stays in this partition, because it has not read yet what lies before the span.
fn stays(span: &Span, now: &BTreeMap<i32, i64>) -> Option<i64> {
    now.get(&span.partition).copied().filter(|offset| *offset < span.from)
}

/// Where the group begins in this partition.
fn begins(span: &Span, now: &BTreeMap<i32, i64>) -> i64 {
    stays(span, now).unwrap_or(span.from)
}

fn change(span: &Span, now: &BTreeMap<i32, i64>) -> (Action, String) {
    let Span { partition, from, until } = *span;
    if let Some(offset) = stays(span, now) {
        let records = Span { partition, from: offset, until }.records();
        let why = format!("as it has unread records before offset {from}: nothing begins earlier");
        return (Action::None, format!("stays at offset {offset}, {why}; {records} records"));
    }
    let before = now.get(&partition).map_or_else(|| "no position".to_owned(), |offset| format!("offset {offset}"));
    (Action::Change, format!("from offset {from} instead of {before}: {} records", span.records()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_stays_where_unread_records_lie_before_the_span() {
        let now = BTreeMap::from([(0, 1), (1, 5)]);
        let unread = "as it has unread records before offset 3: nothing begins earlier";
        for (partition, begin, action, state) in [
            (0, 1, Action::None, format!("stays at offset 1, {unread}; 8 records")),
            (1, 3, Action::Change, "from offset 3 instead of offset 5: 6 records".to_owned()),
            (2, 3, Action::Change, "from offset 3 instead of no position: 6 records".to_owned()),
        ] {
            let span = Span { partition, from: 3, until: 9 };
            assert_eq!((begins(&span, &now), change(&span, &now)), (begin, (action, state)));
        }
    }
}
