//! `ops order`: places one, and watches one.
//!
//! Watching shows what happens to an order, as its history shows it, until it has ended. Beside all groups, and without a
//! token.

mod place;

use std::io::Write as _;
use std::time::Duration;

use read_model::{Awaited, Document, ReadModel, RedisConfig, Waited};
use runtime::Process;
use schemas::{Event as _, OrderEvent, OrderId, Version};
use views::{HistoryEntry, HistoryView, Projection};

use crate::Error;
use crate::answer::{self, Answer};
use crate::cli::Output;
use crate::projections::refused;

pub(crate) use place::place;

/// How long one wait lasts; then the next one begins.
const WAIT: Duration = Duration::from_secs(60);

const HISTORY: &str = Projection::History.name();

/// Writes the lines as they come; the answer adds nothing to them.
pub(crate) async fn watch(order: &OrderId, redis: &RedisConfig, output: Output) -> Result<Answer, Error> {
    let process = Process::new("ops", None);
    let read_model = ReadModel::connect(redis, &process)?;
    let (reader, notices) = (read_model.reader(), read_model.notices(&process));
    let read = || async {
        let found = reader.document(HISTORY, order.stream()).await?;
        Ok((found.as_ref().map_or(Version::NONE, |document| document.version), found))
    };
    let mut shown = Version::NONE;
    loop {
        let awaited = Awaited { projection: HISTORY, stream: order.stream(), version: shown.next() };
        // What is there at once is shown at once, and whoever is not there at all is not waited for.
        let within = if shown == Version::NONE { Duration::ZERO } else { WAIT };
        let found = match notices.wait_for(awaited, within, read).await? {
            Waited::Reached(found) => found,
            Waited::Behind(_) if shown == Version::NONE => {
                return Ok(refused(order.as_str(), "no view shows such an order").into());
            }
            Waited::Behind(_) => continue,
        };
        let (version, news) = news(order, found, shown)?;
        shown = version;
        for entry in &news {
            // Whoever reads has seen enough.
            if writeln!(std::io::stdout(), "{}", line(entry, output)).is_err() || is_end(entry) {
                return Ok(Answer::nothing());
            }
        }
    }
}

/// The version of the history, and the events that were not shown yet.
fn news(order: &OrderId, found: Option<Document>, shown: Version) -> Result<(Version, Vec<HistoryEntry>), Error> {
    let Some(Document { version, body, .. }) = found else { return Ok((shown, Vec::new())) };
    // A first event that was discarded leaves a version and nothing to show. Whoever waited for that version once more
    // would not wait at all.
    let Some(body) = body else { return Ok((version, Vec::new())) };
    let history: HistoryView =
        serde_json::from_slice(&body).map_err(|source| Error::History { order: order.clone(), source })?;
    Ok((version, history.events.into_iter().filter(|entry| entry.version > shown.0).collect()))
}

fn line(entry: &HistoryEntry, output: Output) -> String {
    match output {
        Output::Text => format!("{}  v{:<3}  {}  {}", entry.at, entry.version, entry.r#type, entry.data),
        Output::Json => answer::json(entry),
    }
}

/// Whether nothing can happen after it. What a later release calls otherwise is not known to end anything.
fn is_end(entry: &HistoryEntry) -> bool {
    let Ok(event) = OrderEvent::from_json(&entry.r#type, &entry.data) else { return false };
    match event {
        OrderEvent::Rejected(_) | OrderEvent::Delivered(_) | OrderEvent::Cancelled(_) => true,
        OrderEvent::Placed(_) | OrderEvent::Reserved(_) | OrderEvent::Paid(_) | OrderEvent::Shipped(_) => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_version_without_anything_to_show_counts_as_shown() {
        let order = OrderId::from_bits(1);
        let bare = |version| Some(Document { version: Version(version), last_event: None, body: None });
        assert_eq!(news(&order, bare(1), Version::NONE).unwrap(), (Version(1), Vec::new()));
        assert_eq!(news(&order, bare(4), Version(2)).unwrap(), (Version(4), Vec::new()));
    }
}
