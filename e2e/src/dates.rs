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
