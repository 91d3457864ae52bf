//! What caused what: an order's events in the order in which they were decided, each below its cause, with the time that
//! each took to where it was shown.

use std::collections::BTreeMap;
use std::fmt;

use schemas::{EventId, OrderId, StreamId, Timestamp, Version};
use serde::Serialize;

use crate::{Envelope, Sighting, Station};

/// How an order came to where it is. Its fields are a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The order's id.
    pub order: OrderId,
    /// From the first event to the last one.
    pub took_micros: i64,
    /// Causes before their effects; what has one cause, in the order in which it was decided.
    pub events: Vec<Passage>,
}

/// One event, and its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Passage {
    /// The stream that it belongs to.
    pub stream: String,
    /// Its place there.
    pub version: u32,
    /// Its identity.
    pub id: String,
    /// The record's name: `OrderPlaced`.
    #[serde(rename = "type")]
    pub name: String,
    /// When it was decided; RFC 3339.
    pub at: String,
    /// How many causes stand above it here.
    pub depth: usize,
    /// The event that caused it.
    pub causation: Option<String>,
    /// How long after its cause; null if that is not among these events.
    pub after_micros: Option<i64>,
    /// Who gave the command, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The request that it all began with.
    pub correlation: String,
    /// Where it came by since, one after the other as far as they follow from each other.
    pub hops: Vec<Hop>,
}

/// An event came by somewhere for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    /// `log`, the name of a projection, `feed` or `screen`.
    pub to: &'static str,
    /// When; RFC 3339.
    pub at: String,
    /// How long after the hop before it: to the log after the decision, to views and feed after the log, to the screen
    /// after the feed.
    pub after_micros: i64,
}

/// One event as it is told by whoever knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// Its place there.
    pub version: Version,
    /// What else is known of it.
    pub envelope: Envelope,
    /// Who gave the command, where that is known.
    pub caller: Option<String>,
    /// Where it came by once it was in the log, and when.
    pub arrivals: BTreeMap<Station, Timestamp>,
}

impl Told {
    /// The events of a stream of which an envelope is among these sightings, by version.
    pub fn by_sightings(stream: &StreamId, sightings: &[Sighting]) -> Vec<Self> {
        let envelope = |found: &Sighting| Some((found.version, Envelope::of_note(&found.note)?));
        let envelopes: BTreeMap<_, _> = sightings.iter().filter_map(envelope).collect();
        let told = |(version, envelope)| {
            let told = Self { stream: stream.clone(), version, envelope, caller: None, arrivals: BTreeMap::new() };
            told.sighted(sightings)
        };
        envelopes.into_iter().map(told).collect()
    }

    /// The same event, with what its stream's sightings say of its way.
    #[must_use]
    pub fn sighted(mut self, sightings: &[Sighting]) -> Self {
        for Sighting { station, at, note, .. } in sightings.iter().filter(|found| found.version == self.version) {
            self.arrivals.insert(*station, *at);
            let written = Envelope::of_note(note).and_then(|envelope| envelope.written);
            self.envelope.written = self.envelope.written.or(written);
        }
        self
    }

    /// The event that caused this one, if it is known and was decided earlier.
    fn cause<'a>(&self, known: &BTreeMap<String, &'a Self>) -> Option<&'a Self> {
        let cause = known.get(self.envelope.causation.as_deref()?).copied();
        cause.filter(|cause| cause.envelope.at < self.envelope.at)
    }

    fn hops(&self) -> Vec<Hop> {
        let Envelope { at: decided, written, .. } = self.envelope;
        let fed = self.arrivals.get(&Station::Feed).copied();
        let arrived = self.arrivals.iter().map(|(station, at)| {
            let before = match station {
                Station::View(_) | Station::Feed => written,
                Station::Screen => fed.or(written),
            };
            Hop::new(station.name(), *at, before.unwrap_or(decided))
        });
        written.map(|written| Hop::new("log", written, decided)).into_iter().chain(arrived).collect()
    }
}

impl Hop {
    /// Clocks of several machines, and a log that knows milliseconds: nothing arrives before it left.
    fn new(to: &'static str, at: Timestamp, before: Timestamp) -> Self {
        Self { to, at: at.to_string(), after_micros: (at.as_micros() - before.as_micros()).max(0) }
    }
}

impl Explanation {
    /// Of all events of the order, of its payment and of its fulfilment that are known, in any order.
    #[must_use]
    pub fn new(order: &OrderId, mut told: Vec<Told>) -> Self {
        told.sort_by_key(|told| (told.envelope.at, told.stream.clone(), told.version));
        let known: BTreeMap<_, _> = told.iter().map(|told| (told.envelope.id.to_string(), told)).collect();
        let mut below: BTreeMap<Option<EventId>, Vec<&Told>> = BTreeMap::new();
        for event in &told {
            below.entry(event.cause(&known).map(|cause| cause.envelope.id)).or_default().push(event);
        }
        let mut events = Vec::new();
        // From the bottom of this stack the youngest roots, so that the oldest one is taken first.
        let mut next: Vec<_> =
            below.remove(&None).unwrap_or_default().into_iter().rev().map(|root| (root, 0)).collect();
        while let Some((event, depth)) = next.pop() {
            events.push(Passage::of(event, depth, &known));
            let effects = below.remove(&Some(event.envelope.id)).unwrap_or_default();
            next.extend(effects.into_iter().rev().map(|effect| (effect, depth + 1)));
        }
        let at = |told: Option<&Told>| told.map_or(0, |told| told.envelope.at.as_micros());
        Self { order: order.clone(), took_micros: at(told.last()) - at(told.first()), events }
    }
}

impl Passage {
    fn of(told: &Told, depth: usize, known: &BTreeMap<String, &Told>) -> Self {
        let Envelope { id, name, at, written: _, correlation, causation } = &told.envelope;
        Self {
            stream: told.stream.to_string(),
            version: told.version.0,
            id: id.to_string(),
            name: name.clone(),
            at: at.to_string(),
            depth,
            causation: causation.as_deref().map(str::to_owned),
            after_micros: told.cause(known).map(|cause| at.as_micros() - cause.envelope.at.as_micros()),
            caller: told.caller.clone(),
            correlation: correlation.to_string(),
            hops: told.hops(),
        }
    }

    fn why(&self) -> String {
        let caller = self.caller.as_deref().unwrap_or("somebody");
        match (self.after_micros, &self.causation) {
            (Some(micros), _) => format!("{} ms later", micros / 1_000),
            (None, Some(_)) => "caused by an event of another stream".to_owned(),
            (None, None) => format!("asked for by {caller}, request {}", self.correlation),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, took) = (self.events.len(), self.took_micros / 1_000);
        write!(f, "{}: {count} events within {took} ms", self.order)?;
        for event in &self.events {
            let Passage { stream, version, name, at, depth, hops, .. } = event;
            let indent = 2 * depth;
            write!(f, "\n{at}  {:indent$}{name}  {stream} v{version}  {}", "", event.why())?;
            let hops: Vec<_> = hops.iter().map(|hop| format!("{} {} ms", hop.to, hop.after_micros / 1_000)).collect();
            if !hops.is_empty() {
                write!(f, "\n{:28}{:indent$}  {}", "", "", hops.join(", "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
