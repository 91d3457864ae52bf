//! What is told of an order that was placed, reserved for and shown.

use uuid::Uuid;

use super::*;
use crate::Projection;

fn envelope(number: u128, (name, millis): (&str, i64), causation: Option<u128>) -> Envelope {
    let id = |number| EventId(Uuid::from_u128(number));
    Envelope {
        id: id(number),
        name: name.to_owned(),
        at: Timestamp::from_micros(millis * 1_000),
        written: Some(Timestamp::from_micros(millis * 1_000 + 3_000)),
        correlation: "request-1".into(),
        causation: causation.map(|number| id(number).to_string().into()),
    }
}

fn sighting(station: Station, version: u32, millis: i64, envelope: Option<&Envelope>) -> Sighting {
    let (version, at) = (Version(version), Timestamp::from_micros(millis * 1_000));
    Sighting { station, version, at, note: envelope.map(Envelope::to_note).unwrap_or_default() }
}

/// An order whose second event was caused by its fulfilment's first, which was caused by its own first.
fn told(order: &OrderId) -> Vec<Told> {
    let placed = envelope(1, ("OrderPlaced", 10), None);
    let started = envelope(2, ("FulfilmentStarted", 15), Some(1));
    let reserved = envelope(3, ("OrderReserved", 40), Some(2));
    let elsewhere = envelope(4, ("FulfilmentStepRecorded", 20), Some(99));
    let (history, orders) = (Station::View(Projection::History), Station::View(Projection::Orders));
    let of_order = [
        sighting(history, 1, 20, Some(&placed)),
        sighting(history, 2, 45, Some(&reserved)),
        sighting(orders, 1, 18, None),
        sighting(Station::Feed, 1, 17, None),
        sighting(Station::Screen, 1, 19, None),
    ];
    let fulfilment = Station::View(Projection::Fulfilment);
    let of_fulfilment = [sighting(fulfilment, 1, 20, Some(&started)), sighting(fulfilment, 2, 10, Some(&elsewhere))];
    let mut told = Told::by_sightings(order.stream(), &of_order);
    told.extend(Told::by_sightings(order.fulfilment().stream(), &of_fulfilment));
    told
}

#[test]
fn effects_stand_below_their_causes_and_every_hop_says_how_long_it_took() {
    let order = OrderId::from_bits(1);
    let text = Explanation::new(&order, told(&order)).to_string();
    let lines: Vec<_> = text.lines().map(|line| line.split_once("Z  ").map_or(line, |(_, rest)| rest)).collect();
    let (ful, margin) = (order.fulfilment(), " ".repeat(28));
    assert_eq!(
        lines,
        [
            format!("{order}: 4 events within 30 ms"),
            format!("OrderPlaced  {order} v1  asked for by somebody, request request-1"),
            format!("{margin}  log 3 ms, orders 5 ms, history 7 ms, feed 4 ms, screen 2 ms"),
            format!("  FulfilmentStarted  {ful} v1  5 ms later"),
            format!("{margin}    log 3 ms, fulfilment 2 ms"),
            format!("    OrderReserved  {order} v2  25 ms later"),
            format!("{margin}      log 3 ms, history 2 ms"),
            format!("FulfilmentStepRecorded  {ful} v2  caused by an event of another stream"),
            format!("{margin}  log 3 ms, fulfilment 0 ms"),
        ]
    );
}

#[test]
fn an_event_that_is_known_otherwise_is_told_with_its_way_too() {
    let order = OrderId::from_bits(1);
    let placed = envelope(1, ("OrderPlaced", 10), None);
    let known = |caller: &str| Told {
        stream: order.stream().clone(),
        version: Version::FIRST,
        envelope: placed.clone(),
        caller: Some(caller.to_owned()),
        arrivals: BTreeMap::new(),
    };
    let shown = sighting(Station::View(Projection::History), 1, 20, Some(&placed));
    let of_another = sighting(Station::Feed, 2, 20, None);
    let told = vec![known("usr_7").sighted(&[shown, of_another])];
    let explained = serde_json::to_string(&Explanation::new(&order, told)).unwrap_or_default();
    let expected = concat!(
        r#"{"order":"ord_00000000000000000000000000000001","tookMicros":0,"events":[{"stream":"#,
        r#""ord_00000000000000000000000000000001","version":1,"id":"00000000-0000-0000-0000-000000000001","type":"#,
        r#""OrderPlaced","at":"1970-01-01T00:00:00.010000Z","depth":0,"causation":null,"afterMicros":null,"caller":"#,
        r#""usr_7","correlation":"request-1","hops":[{"to":"log","at":"1970-01-01T00:00:00.013000Z","afterMicros":3000},"#,
        r#"{"to":"history","at":"1970-01-01T00:00:00.020000Z","afterMicros":7000}]}]}"#,
    );
    assert_eq!(explained, expected);
}
