//! Where an order's events are sighted on their way to a screen, and what is noted of each there: the time and, once per
//! event, its envelope. Documents, lists, digests and comparisons know nothing of it.

use schemas::{Aggregate, Event, EventId, Recorded, StreamId, Timestamp, Version};

use crate::Projection;

/// What is noted of an event that the views of a projection show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// Nothing: it has to do with no order in particular.
    Nothing,
    /// Since when it is shown.
    Time,
    /// That, and its envelope.
    Envelope,
}

/// Where an event comes by after it was written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Station {
    /// The views of a projection.
    View(Projection),
    /// Its owner's feed.
    Feed,
    /// The first screen that it was written to.
    Screen,
}

/// An event was seen somewhere for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Where.
    pub station: Station,
    /// The event's place in its stream.
    pub version: Version,
    /// When.
    pub at: Timestamp,
    /// What was noted there: its envelope, as [`Envelope::to_note`] has it, or nothing.
    pub note: String,
}

/// What is known of an event besides its content, its stream and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Its identity.
    pub id: EventId,
    /// The record's name: `OrderPlaced`.
    pub name: String,
    /// When it was decided.
    pub at: Timestamp,
    /// When its record was written to the log, to the millisecond.
    pub written: Option<Timestamp>,
    /// The request that it all began with.
    pub correlation: Box<str>,
    /// The event that caused it.
    pub causation: Option<Box<str>>,
}

impl Envelope {
    /// Of an event of this name, whose record was written then.
    pub fn of<E>(recorded: &Recorded<E>, name: &str, written: Option<Timestamp>) -> Self {
        Self {
            id: recorded.id,
            name: name.to_owned(),
            at: recorded.at,
            written,
            correlation: recorded.correlation.clone(),
            causation: recorded.causation.clone(),
        }
    }

    /// As it is kept.
    #[must_use]
    pub fn to_note(&self) -> String {
        let Self { id, name, at, written, correlation, causation } = self;
        // Without names of fields, since there is one for every event.
        serde_json::to_string(&(id, name, at, written, correlation, causation)).unwrap_or_default()
    }

    /// From what is kept; `None` if that is no envelope.
    #[must_use]
    pub fn of_note(note: &str) -> Option<Self> {
        let (id, name, at, written, correlation, causation) = serde_json::from_str(note).ok()?;
        Some(Self { id, name, at, written, correlation, causation })
    }
}

impl Noted {
    /// What is noted of this event.
    pub fn note<E: Event>(self, recorded: &Recorded<E>, written: Option<Timestamp>) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Time => Some(String::new()),
            Self::Envelope => Some(Envelope::of(recorded, recorded.event.name(), written).to_note()),
        }
    }
}

impl Station {
    /// Where events of this stream are sighted; nowhere if it has to do with no order in particular.
    #[must_use]
    pub fn of(stream: &StreamId) -> &'static [Self] {
        match stream.aggregate() {
            Aggregate::Order => {
                &[Self::View(Projection::Orders), Self::View(Projection::History), Self::Feed, Self::Screen]
            }
            Aggregate::Payment => &[Self::View(Projection::Payments), Self::Feed, Self::Screen],
            Aggregate::Fulfilment => &[Self::View(Projection::Fulfilment)],
            Aggregate::Product | Aggregate::Stock | Aggregate::User => &[],
        }
    }

    /// Its name in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::View(projection) => projection.name(),
            Self::Feed => "feed",
            Self::Screen => "screen",
        }
    }
}

impl Projection {
    /// What is noted of an event that its views show. Of two projections of one aggregate, one notes the envelope.
    #[must_use]
    pub const fn noted(self) -> Noted {
        match self {
            Self::Orders => Noted::Time,
            Self::History | Self::Payments | Self::Fulfilment => Noted::Envelope,
            Self::Products | Self::Stock | Self::Users => Noted::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn an_envelope_comes_back_from_its_note_whatever_a_client_called_its_request() {
        let envelope = Envelope {
            id: EventId(uuid::Uuid::from_u128(7)),
            name: "OrderPlaced".to_owned(),
            at: Timestamp::from_micros(5),
            written: Some(Timestamp::from_micros(6_000)),
            correlation: "a \"name\" with spaces".into(),
            causation: None,
        };
        assert_eq!(Envelope::of_note(&envelope.to_note()).unwrap(), envelope);
        assert_eq!(Envelope::of_note(""), None);
    }

    #[test]
    fn what_leads_to_a_view_of_an_order_is_told_once() {
        for aggregate in [Aggregate::Order, Aggregate::Payment, Aggregate::Fulfilment] {
            let of = Projection::ALL.into_iter().filter(|projection| projection.aggregate() == aggregate);
            assert_eq!(of.filter(|projection| projection.noted() == Noted::Envelope).count(), 1, "{aggregate:?}");
        }
    }
}
