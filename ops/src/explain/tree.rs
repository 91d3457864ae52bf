//! What caused what: the events in the order in which they were decided, each below its cause.

use std::collections::BTreeMap;
use std::fmt;

use schemas::{AnyEvent, EventId, OrderId, Recorded};
use serde::Serialize;

use crate::answer::Answer;

/// Who gave a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) caller: String,
}

/// The answer, whose fields are a promise.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Explanation {
    order: String,
    /// From the first event to the last one.
    took_micros: i64,
    /// Causes before their effects; what has one cause, in the order in which it was decided.
    events: Vec<Happened>,
    views: Vec<Seen>,
}

/// One event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Happened {
    stream: String,
    version: u32,
    id: String,
    #[serde(rename = "type")]
    name: &'static str,
    at: String,
    /// How many causes stand above it here.
    depth: usize,
    /// The event or command that caused it.
    causation: Option<String>,
    /// How long after its cause; null if that is not among these events.
    after_micros: Option<i64>,
    /// Who gave the command.
    caller: String,
    /// The request that it all began with.
    correlation: String,
}

/// How far one view shows one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seen {
    pub(super) projection: &'static str,
    pub(super) generation: u32,
    pub(super) stream: String,
    /// The version that is shown; 0 if nothing is.
    pub(super) version: u32,
    /// The newest version that is committed.
    pub(super) head: u32,
}

type Known<'a> = &'a (Recorded<AnyEvent>, Cause);

impl Explanation {
    pub(super) fn new(order: &OrderId, happened: &[(Recorded<AnyEvent>, Cause)], views: Vec<Seen>) -> Self {
        let mut sorted: Vec<_> = happened.iter().collect();
        sorted.sort_by_key(|(event, _)| (event.at, event.stream.clone(), event.version));
        let known: BTreeMap<_, _> = sorted.iter().map(|known| (known.0.id.to_string(), *known)).collect();
        let mut below: BTreeMap<Option<EventId>, Vec<Known<'_>>> = BTreeMap::new();
        for event in &sorted {
            below.entry(cause(event, &known).map(|(cause, _)| cause.id)).or_default().push(event);
        }
        let mut events = Vec::new();
        // From the bottom of this stack the youngest roots, so that the oldest one is taken first.
        let mut next: Vec<_> =
            below.remove(&None).unwrap_or_default().into_iter().rev().map(|root| (root, 0)).collect();
        while let Some((event, depth)) = next.pop() {
            events.push(Happened::of(event, depth, &known));
            let effects = below.remove(&Some(event.0.id)).unwrap_or_default();
            next.extend(effects.into_iter().rev().map(|effect| (effect, depth + 1)));
        }
        let at = |known: Option<&Known<'_>>| known.map_or(0, |(event, _)| event.at.as_micros());
        Self { order: order.to_string(), took_micros: at(sorted.last()) - at(sorted.first()), events, views }
    }
}

/// The event that caused this one, if it is known and was decided earlier.
fn cause<'a>((event, _): Known<'_>, known: &BTreeMap<String, Known<'a>>) -> Option<Known<'a>> {
    known.get(event.causation.as_deref()?).copied().filter(|(cause, _)| cause.at < event.at)
}

impl Happened {
    fn of(happened: Known<'_>, depth: usize, known: &BTreeMap<String, Known<'_>>) -> Self {
        let (event, Cause { caller }) = happened;
        let cause = cause(happened, known);
        Self {
            stream: event.stream.to_string(),
            version: event.version.0,
            id: event.id.to_string(),
            name: event.event.name(),
            at: event.at.to_string(),
            depth,
            causation: event.causation.as_deref().map(str::to_owned),
            after_micros: cause.map(|(cause, _)| event.at.as_micros() - cause.at.as_micros()),
            caller: caller.clone(),
            correlation: event.correlation.to_string(),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, took) = (self.events.len(), self.took_micros / 1_000);
        writeln!(f, "{}: {count} events within {took} ms", self.order)?;
        for event in &self.events {
            let Happened { stream, version, name, at, depth, .. } = event;
            let why = match (event.after_micros, &event.causation) {
                (Some(micros), _) => format!("{} ms later", micros / 1_000),
                (None, Some(_)) => "caused by an event of another stream".to_owned(),
                (None, None) => format!("asked for by {}, request {}", event.caller, event.correlation),
            };
            writeln!(f, "{at}  {:indent$}{name}  {stream} v{version}  {why}", "", indent = 2 * depth)?;
        }
        let lines = self.views.iter().map(|seen| {
            let Seen { projection, generation, stream, version, head } = seen;
            let word = if version >= head { "shown" } else { "behind" };
            format!("{word}  {projection} g{generation}  {stream} v{version} of {head}")
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl From<Explanation> for Answer {
    fn from(explanation: Explanation) -> Self {
        Self::of(explanation.to_string(), &explanation)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use schemas::{
        Event as _, FulfilmentCompleted, FulfilmentEvent, FulfilmentResult, OrderEvent, OrderReserved, StreamId,
        Timestamp, UserId, Version,
    };

    use super::*;

    fn recorded(
        stream: &StreamId,
        (version, millis): (u32, i64),
        event: AnyEvent,
        causation: Option<EventId>,
    ) -> Recorded<AnyEvent> {
        Recorded {
            stream: stream.clone(),
            version: Version(version),
            id: EventId::of_commit(Default::default(), u32::try_from(millis).unwrap()),
            at: Timestamp::from_micros(millis * 1_000),
            owner: Some(UserId::from_bits(7)),
            correlation: "request-1".into(),
            causation: causation.map(|id| id.to_string().into()),
            traceparent: None,
            event,
        }
    }

    fn reserved() -> AnyEvent {
        OrderEvent::Reserved(OrderReserved { pieces: 1 }).into_any()
    }

    fn completed() -> AnyEvent {
        let completed = FulfilmentCompleted { result: FulfilmentResult::Fulfilled, reason: None, by: None };
        FulfilmentEvent::Completed(completed).into_any()
    }

    #[test]
    fn effects_stand_below_their_causes_and_say_how_long_they_took() {
        let order = OrderId::from_bits(1);
        let (orders, fulfilments) = (order.stream(), order.fulfilment());
        let by = |caller: &str| Cause { caller: caller.to_owned() };
        let placed = recorded(orders, (1, 10), reserved(), None);
        let started = recorded(fulfilments.stream(), (1, 15), completed(), Some(placed.id));
        let elsewhere = EventId::of_commit(Default::default(), 99);
        let stepped = recorded(fulfilments.stream(), (2, 20), completed(), Some(elsewhere));
        let paid = recorded(orders, (2, 40), reserved(), Some(started.id));
        let all =
            [(placed, by("usr_7")), (paid, by("fulfilment")), (started, by("fulfilment")), (stepped, by("fulfilment"))];
        let seen = Seen { projection: "orders", generation: 1, stream: order.to_string(), version: 1, head: 2 };
        let text = Explanation::new(&order, &all, vec![seen]).to_string();
        let lines: Vec<_> = text.lines().map(|line| line.split_once("Z  ").map_or(line, |(_, rest)| rest)).collect();
        let ful = fulfilments.stream();
        assert_eq!(
            lines,
            [
                format!("{order}: 4 events within 30 ms"),
                format!("OrderReserved  {order} v1  asked for by usr_7, request request-1"),
                format!("  FulfilmentCompleted  {ful} v1  5 ms later"),
                format!("    OrderReserved  {order} v2  25 ms later"),
                format!("FulfilmentCompleted  {ful} v2  caused by an event of another stream"),
                format!("behind  orders g1  {order} v1 of 2"),
            ]
        );
    }

    #[test]
    fn the_answer_for_programs_keeps_its_names() {
        let order = OrderId::from_bits(1);
        let event = (recorded(order.stream(), (1, 10), reserved(), None), Cause { caller: "usr_7".to_owned() });
        let seen = Seen { projection: "orders", generation: 1, stream: order.to_string(), version: 1, head: 1 };
        let answer = Answer::from(Explanation::new(&order, &[event], vec![seen]));
        let expected = concat!(
            r#"{"order":"ord_00000000000000000000000000000001","tookMicros":0,"events":[{"stream":"#,
            r#""ord_00000000000000000000000000000001","version":1,"id":"00000000-0000-0000-0000-00000000000a","type":"#,
            r#""OrderReserved","at":"1970-01-01T00:00:00.010000Z","depth":0,"causation":null,"afterMicros":null,"caller":"#,
            r#""usr_7","correlation":"request-1"}],"views":[{"projection":"orders","generation":1,"stream":"#,
            r#""ord_00000000000000000000000000000001","version":1,"head":1}]}"#,
        );
        assert_eq!(answer.json, expected);
    }
}
