//! What can be asked about the logs: to read one, and to have it read again.

use bus::KafkaConfig;
use bus::log::Begin;
use runtime::clock;
use schemas::{Aggregate, Timestamp};

use super::instant;

/// Which part of a topic.
#[derive(Debug, clap::Args)]
pub struct Part {
    /// From what was written at this instant or later: 2024-05-01T12:00:00Z, or 90s, 15m, 2h, 7d ago.
    #[arg(long, visible_alias = "since", value_name = "TIME", value_parser = moment)]
    pub from_time: Option<Timestamp>,
    /// From this offset of the partition.
    #[arg(long, value_name = "OFFSET", conflicts_with = "from_time", requires = "partition", value_parser = clap::value_parser!(i64).range(0..))]
    pub from_offset: Option<i64>,
    /// Only one partition.
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..))]
    pub partition: Option<i32>,
}

impl Part {
    /// Where to begin.
    pub(crate) fn begin(&self) -> Begin {
        let offset = self.from_offset.map_or(Begin::Start, Begin::Offset);
        self.from_time.map_or(offset, Begin::Time)
    }
}

/// Which events to show.
#[derive(Debug, clap::Args)]
pub struct TailCommand {
    /// The topic; those of the events also by their first word, as `orders`.
    #[arg(value_parser = topic)]
    pub topic: String,
    /// From where.
    #[command(flatten)]
    pub part: Part,
    /// Only what was written before this instant.
    #[arg(long, value_name = "TIME", conflicts_with = "follow", value_parser = moment)]
    pub until: Option<Timestamp>,
    /// Only records with this key, which is the stream's id.
    #[arg(long)]
    pub key: Option<String>,
    /// Only events of these types, as `OrderPlaced`; several separated by commas.
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = event_type)]
    pub types: Vec<String>,
    /// Go on with what is written later, until interrupted.
    #[arg(long, short)]
    pub follow: bool,
    /// Where the events are.
    #[command(flatten)]
    pub kafka: KafkaConfig,
}

/// What to read again.
#[derive(Debug, clap::Args)]
pub struct ReplayCommand {
    /// The topic; those of the events also by their first word, as `orders`.
    #[arg(value_parser = topic)]
    pub topic: String,
    /// For whom.
    #[command(flatten)]
    pub to: For,
    /// From where.
    #[command(flatten)]
    pub part: Part,
    /// Only what was written before this instant. A group reads on from where it begins.
    #[arg(long, value_name = "TIME", conflicts_with = "group", value_parser = moment)]
    pub until: Option<Timestamp>,
    /// Records per second that are copied; 0 is as many as can be. A group reads as fast as it likes.
    #[arg(long, default_value_t = 2_000, conflicts_with = "group")]
    pub rate: u32,
    /// Where the events are.
    #[command(flatten)]
    pub kafka: KafkaConfig,
    /// Act instead of only saying what would be done.
    #[arg(long)]
    pub execute: bool,
}

/// For whom something is read again.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct For {
    /// Copies the records into this topic, which must exist and be none of the events'.
    #[arg(long, value_name = "TOPIC", value_parser = topic)]
    pub to: Option<String>,
    /// Has this group, which must have no members, begin at the first of the records when it is started. Where it has not
    /// read that far yet, it stays where it is.
    #[arg(long)]
    pub group: Option<String>,
}

/// The name of a topic, or the first word of one of ours.
fn topic(text: &str) -> Result<String, &'static str> {
    let legal = |text: &str| text.chars().all(|sign| sign.is_ascii_alphanumeric() || "._-".contains(sign));
    match Aggregate::of_plural(text) {
        Some(aggregate) => Ok(aggregate.topic().to_owned()),
        None if text.is_empty() || !legal(text) => Err("the name of a topic is expected"),
        None => Ok(text.to_owned()),
    }
}

/// A type that this build may not know: newer ones are written, too.
fn event_type(text: &str) -> Result<String, &'static str> {
    let legal = !text.is_empty() && text.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_');
    if legal { Ok(text.to_owned()) } else { Err("the name of an event is expected, as OrderPlaced") }
}

/// An instant, or how long ago it was.
fn moment(text: &str) -> Result<Timestamp, String> {
    ago(text, clock::now_micros())
        .map_or_else(|| instant(text).map_err(|error| format!("{error}, or how long ago, as 90s, 15m, 2h, 7d")), Ok)
}

fn ago(text: &str, now_micros: i64) -> Option<Timestamp> {
    let length = clock::length(text).ok()?;
    Some(Timestamp::from_micros(now_micros.saturating_sub(i64::try_from(length.as_micros()).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_an_instant_or_so_long_ago() {
        let now = 1_000_000_000_000;
        assert_eq!(ago("15m", now), Some(Timestamp::from_micros(now - 900_000_000)));
        for wrong in ["", "5", "-5m", "99999999999d"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
        assert_eq!(moment("1970-01-01T00:00:01Z"), Ok(Timestamp::from_micros(1_000_000)));
    }

    #[test]
    fn our_topics_have_short_names_and_all_others_their_own() {
        assert_eq!(topic("orders").as_deref(), Ok("orders.events.v1"));
        assert_eq!(topic("orders.events.v1.again").as_deref(), Ok("orders.events.v1.again"));
        assert!(topic("").is_err() && topic("a b").is_err());
    }
}
