//! `ops tail`: what lies in a topic, decoded, one line per event. It reads beside all groups, and nobody notices.
//!
//! Personal data stays sealed. A record that cannot be decoded is shown with the reason: it is never left out silently.

mod line;

use std::io::Write as _;

use bus::log::{End, Log, Logged};
use bus::{DecodeFailure, Decoder, RawRecord, Registry};
use runtime::Process;

use crate::Error;
use crate::answer::{self, Answer};
use crate::cli::{Output, TailCommand};
use crate::projections::refused;
use line::Line;

/// Writes the lines as they come; the answer adds nothing to them.
pub(crate) async fn tail(wish: &TailCommand, output: Output) -> Result<Answer, Error> {
    let Some(mut log) = Log::open(&wish.kafka, &wish.topic).await.map_err(unread)? else {
        return Ok(refused(&wish.topic, "there is no such topic: `ops topics ls` lists those of the events").into());
    };
    let mut spans = log.spans(wish.part.begin(), wish.until).await.map_err(unread)?;
    if let Some(only) = wish.part.partition {
        spans.retain(|span| span.partition == only);
        if spans.is_empty() {
            return Ok(refused(&wish.topic, format!("it has no partition {only}")).into());
        }
    }
    let registry = Registry::connect(&wish.kafka, &Process::new("ops", None)).map_err(unread)?;
    let decoder = Decoder::new(&registry);
    log.read(&spans, if wish.follow { End::Never } else { End::OfSpans }).await.map_err(unread)?;
    while let Some(records) = log.next().await.map_err(unread)? {
        for logged in records.iter().filter(|logged| is_wanted(wish, &logged.record)) {
            // Whoever reads has seen enough.
            if show(&decoder, logged, output).await?.is_err() {
                return Ok(Answer::nothing());
            }
        }
    }
    Ok(Answer::nothing())
}

async fn show(decoder: &Decoder, logged: &Logged, output: Output) -> Result<std::io::Result<()>, Error> {
    let line = match decoder.decode(&logged.record).await {
        Ok(event) => Line::of(logged, Ok(&event)),
        Err(failure @ DecodeFailure::Poison { .. }) => Line::of(logged, Err(&failure)),
        Err(DecodeFailure::Unavailable { source }) => {
            return Err(Error::Schemas { what: "read", source: Box::new(source) });
        }
    };
    let text = match output {
        Output::Text => line.to_string(),
        Output::Json => answer::json(&line),
    };
    Ok(writeln!(std::io::stdout(), "{text}"))
}

/// Whether a record passes the filters, by what its key and headers say.
fn is_wanted(wish: &TailCommand, record: &RawRecord) -> bool {
    let key = wish.key.as_ref().is_none_or(|key| record.key == key.as_bytes());
    let name = record.event_type().and_then(|full| full.rsplit('.').next());
    key && (wish.types.is_empty() || name.is_some_and(|name| wish.types.iter().any(|wanted| wanted == name)))
}

fn unread(source: bus::Error) -> Error {
    Error::Topics { what: "read", source: Box::new(source) }
}
