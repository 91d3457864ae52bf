//! When events were decided. Whatever the clocks of machines show, what follows in a stream is younger, and so is an effect
//! than its cause.

use std::collections::HashMap;

use schemas::{AnyEvent, EventId, Recorded, StreamId, Timestamp};

use crate::ledger::Ledger;

/// What is dated wrongly, with its stream.
#[must_use]
pub fn wrong(ledger: &Ledger) -> Vec<(StreamId, String)> {
    let all = || ledger.values().flatten();
    let dates: HashMap<String, Timestamp> = all().map(|event| (event.id.to_string(), event.at)).collect();
    let in_streams = ledger.values().flat_map(|events| events.windows(2)).filter_map(|pair| {
        let [before, event] = pair else { return None };
        let ordered = event.at > before.at || (is_of_one_commit(before, event) && event.at == before.at);
        (!ordered).then(|| (event, format!("version {} of {}", before.version, before.at)))
    });
    let of_causes = all().filter_map(|event| {
        let cause = event.causation.as_deref()?;
        let caused = dates.get(cause).filter(|at| **at >= event.at)?;
        Some((event, format!("its cause {cause} of {caused}")))
    });
    let wrong = |(event, older): (&Recorded<AnyEvent>, String)| {
        (event.stream.clone(), format!("version {} of {} is not younger than {older}", event.version, event.at))
    };
    in_streams.chain(of_causes).map(wrong).collect()
}

fn is_of_one_commit(before: &Recorded<AnyEvent>, event: &Recorded<AnyEvent>) -> bool {
    EventId::of_commit(before.id.0, 1) == event.id
}

#[cfg(test)]
mod tests {
    use schemas::{OrderDelivered, OrderEvent, OrderId, Version};
    use uuid::Uuid;

    use super::*;

    /// An order of these events: the commit that each is of, its place there, and its date; the last is caused by the first.
    fn wrong_in(events: [(u128, u32, i64); 3]) -> usize {
        let stream = OrderId::from_bits(1).stream().clone();
        let id = |(commit, index, _)| EventId::of_commit(Uuid::from_u128(commit), index);
        let cause = id(events[0]).to_string();
        let recorded = |(version, event): (u32, (u128, u32, i64))| Recorded {
            stream: stream.clone(),
            version: Version(version),
            id: id(event),
            at: Timestamp::from_micros(event.2),
            owner: None,
            correlation: "".into(),
            causation: (version == 3).then(|| cause.as_str().into()),
            traceparent: None,
            event: AnyEvent::Order(OrderEvent::Delivered(OrderDelivered { pieces: 1 })),
        };
        wrong(&Ledger::from([(stream.clone(), (1..).zip(events).map(recorded).collect())])).len()
    }

    #[test]
    fn only_events_of_one_commit_are_of_one_date_and_no_event_is_older_than_its_cause() {
        assert_eq!(wrong_in([(10, 0, 5), (10, 1, 5), (20, 0, 6)]), 0);
        assert_eq!(wrong_in([(10, 0, 5), (30, 0, 5), (20, 0, 6)]), 1, "another commit of the same date");
        assert_eq!(wrong_in([(10, 0, 5), (30, 0, 4), (20, 0, 6)]), 1, "an older commit");
        assert_eq!(wrong_in([(10, 0, 5), (30, 0, 3), (20, 0, 4)]), 2, "an older commit, and one older than its cause");
    }
}
