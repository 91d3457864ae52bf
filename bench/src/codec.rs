//! B9: an event to bytes and back, beside `serde_json` on the same struct.

use std::hint::black_box;
use std::time::Duration;

use runtime::clock;
use schemas::{Event as _, OrderEvent, OrderPlaced, avro};

use crate::case::{Case, Floor, Side};
use crate::measure::Round;
use crate::plan::Plan;
use crate::{orders, report};

/// What encoding and decoding may cost, in times of `serde_json`.
const ENCODE: Floor = Floor::AtMost(1.5);
const DECODE: Floor = Floor::AtMost(0.7);

/// Rounds are short and noise is not, so there are more of them than elsewhere.
const MORE_ROUNDS: usize = 3;

/// Runs it.
pub(crate) fn run(plan: &Plan) -> Vec<Case> {
    report::say("B9 codec");
    let placed = orders::placed(orders::owner(7));
    let event = OrderEvent::Placed(placed.clone());
    let record = avro::record_named(event.name()).expect("a record of ours");
    let datum = event.to_avro(&record.schema).expect("an Avro datum");
    let json = serde_json::to_vec(&placed).expect("JSON");
    assert_eq!(OrderEvent::from_avro(event.name(), &record.schema, &datum).ok(), Some(event.clone()));
    assert_eq!(serde_json::from_slice::<OrderPlaced>(&json).ok(), Some(placed.clone()));

    let sides = || vec![Side::new("Avro"), Side::new("serde_json")];
    let (mut encode, mut decode) = (sides(), sides());
    for _ in 0..plan.rounds * MORE_ROUNDS {
        let round = |operation: &dyn Fn()| timed(plan.codec, operation);
        encode[0].rounds.push(round(&|| drop(black_box(black_box(&event).to_avro(&record.schema)))));
        encode[1].rounds.push(round(&|| drop(black_box(serde_json::to_vec(black_box(&placed))))));
        let read = || OrderEvent::from_avro("OrderPlaced", &record.schema, black_box(&datum));
        decode[0].rounds.push(round(&|| drop(black_box(read()))));
        let read = || serde_json::from_slice::<OrderPlaced>(black_box(&json));
        decode[1].rounds.push(round(&|| drop(black_box(read()))));
    }
    let case = |what: &str, sides, floor| {
        let load = format!("{what} OrderPlaced: {} bytes Avro, {} bytes JSON", datum.len(), json.len());
        Case::new("B9", load, "events", sides).judged(1, "time", Some(floor), |round| 1.0 / round.rate())
    };
    vec![case("encode", encode, ENCODE), case("decode", decode, DECODE)]
}

fn timed(operations: u32, operation: &dyn Fn()) -> Round {
    let begun = clock::monotonic();
    for _ in 0..operations {
        operation();
    }
    let took: Duration = begun.elapsed();
    Round { operations: operations.into(), seconds: took.as_secs_f64(), cpu: Vec::new(), times: None }
}
