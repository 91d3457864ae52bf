//! Whether two generations show the same: compared in Redis while both are fed and read, partition by partition at the
//! same offset of the log. What differs is named, and refuses.

use std::collections::BTreeSet;

use read_model::Generation;
use read_model::generations::{Compared, Comparison, Depth, Difference, Generations};
use schemas::StreamId;

use crate::Error;
use crate::ends::source_of;
use crate::plan::{Action, Item};
use crate::projections::{Views, lags};

/// A generation that is further behind in a partition, in records, is not compared: most of what it lacks would differ.
const FAR: i64 = 5_000;
/// How many differences an answer names.
const NAMED: usize = 20;

/// The outcome of a comparison of a generation with the live one. Generations of different shapes need only show the same
/// streams at the same events.
pub(crate) async fn items(
    views: &Views,
    generations: &Generations,
    other: Generation,
    accepted: &[StreamId],
) -> Result<Vec<Item>, Error> {
    let shape = |generation| generations.entries.get(&generation).map(|entry| entry.shape);
    let same_shape = shape(generations.live) == shape(other);
    let depth = if same_shape { Depth::Everything } else { Depth::Versions };
    let accepted: BTreeSet<_> = accepted.iter().cloned().collect();
    let live = views.target(generations.live);
    let behind = views.read_model.behind(&live, &views.target(other)).await?;
    let far = behind.iter().filter(|partition| partition.live.next - partition.other.next > FAR);
    let far: Vec<_> = far.map(|partition| lags(views, other, partition)).collect();
    if !far.is_empty() {
        return Ok(far);
    }
    let comparison = Comparison { live, other, depth, accepted: &accepted, source_of };
    let compared = views.read_model.compare(&comparison).await?;
    Ok(told(views, generations.live, &comparison, compared))
}

fn told(views: &Views, live: Generation, comparison: &Comparison<'_>, compared: Compared) -> Vec<Item> {
    let Compared { items: count, differing, differences, accepted } = compared;
    let other = comparison.other;
    let what = match comparison.depth {
        Depth::Everything => "documents and entries of lists",
        Depth::Versions => "documents by their versions, as the shapes differ",
    };
    let allowed = if accepted == 0 { String::new() } else { format!("; {accepted} differ as accepted") };
    let compared = format!("compared with g{live}: {count} {what}");
    if differing == 0 {
        return vec![Item::new(views.called(other), Action::None, format!("{compared}; all alike{allowed}"))];
    }
    let state = format!("{compared}; {differing} differ{allowed}");
    let mut items = vec![Item::new(views.called(other), Action::Refuse, state)];
    items.extend(differences.into_iter().take(NAMED).map(|difference| item(views, live, other, difference)));
    items
}

fn item(views: &Views, live: Generation, other: Generation, difference: Difference) -> Item {
    let Difference { stream, list, live: here, other: there, at_one_point } = difference;
    let place = match list {
        Some(list) => format!("its entry in the list {list}"),
        None => "its document".to_owned(),
    };
    let point = match at_one_point {
        true if there < here => {
            format!("; `ops republish --stream {stream} --execute` publishes again what is missing")
        }
        true => String::new(),
        false => "; they never came to the same offset while it was looked at".to_owned(),
    };
    let versions = match (here.0, there.0) {
        (here, 0) => format!("at version {here} in g{live}, not there in g{other}"),
        (0, there) => format!("not there in g{live}, at version {there} in g{other}"),
        (here, there) if here == there => format!("not the same at version {here}"),
        (here, there) => format!("at version {here} in g{live}, at {there} in g{other}"),
    };
    Item::new(format!("{} {stream}", views.called(other)), Action::Refuse, format!("{place}: {versions}{point}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use read_model::RedisConfig;
    use schemas::{OrderId, Version};
    use views::Projection;

    use super::*;

    fn told_of(differing: u64, differences: Vec<Difference>) -> Vec<Item> {
        let redis = RedisConfig { redis_url: "redis://127.0.0.1:1".into() };
        let views = Views::connect(&redis, Projection::Orders).unwrap();
        let accepted = BTreeSet::new();
        let live = views.target(Generation(1));
        let comparison =
            Comparison { live, other: Generation(2), depth: Depth::Everything, accepted: &accepted, source_of };
        told(&views, Generation(1), &comparison, Compared { items: 9, differing, differences, accepted: 0 })
    }

    #[tokio::test]
    async fn what_differs_is_named_and_refuses() {
        let stream = StreamId::parse("ord_1").unwrap();
        let differs = |list: Option<&str>, live, other| Difference {
            stream: stream.clone(),
            list: list.map(str::to_owned),
            live: Version(live),
            other: Version(other),
            at_one_point: true,
        };
        let items = told_of(4, vec![differs(None, 3, 3), differs(None, 3, 0), differs(Some("all"), 3, 3)]);
        assert!(items.iter().all(|item| item.action == Action::Refuse), "{items:?}");
        assert!(items[0].state.ends_with("4 differ"), "{items:?}");
        let named: Vec<_> = items[1..].iter().map(|item| (item.name.as_str(), item.state.as_str())).collect();
        let name = "orders g2 ord_1";
        assert_eq!(
            named,
            [
                (name, "its document: not the same at version 3"),
                (
                    name,
                    "its document: at version 3 in g1, not there in g2; `ops republish --stream ord_1 --execute` publishes \
                     again what is missing"
                ),
                (name, "its entry in the list all: not the same at version 3"),
            ]
        );
        let alike = told_of(0, Vec::new());
        assert_eq!(alike.iter().map(|item| item.action).collect::<Vec<_>>(), [Action::None]);
    }

    #[test]
    fn a_stream_is_looked_for_in_the_partition_that_kafkas_own_clients_choose() {
        // As in the test of the producer, by Kafka's own org.apache.kafka.common.utils.Utils.
        for (bits, partition) in [(1, 9), (2, 5), (3, 6), (4, 9)] {
            let source = source_of(OrderId::from_bits(bits).stream());
            assert_eq!(source.to_string(), format!("orders.events.v1/{partition}"));
        }
    }
}
