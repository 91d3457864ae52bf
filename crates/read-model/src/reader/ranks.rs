//! Pages by number, and documents by the beginning of a text.

use super::{Entry, Reader, StoredEntry, entry};
use crate::library::VIEWS;
use crate::{Document, Error, keys};

/// Which part of a list, or of an index of texts, by place. An entry that comes or goes moves the places of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranks {
    /// The name of the list or the index, as the view gave it.
    pub list: String,
    /// From which end places are counted.
    pub order: Order,
    /// How many entries come before the page.
    pub skip: u64,
    /// How many entries at most; at least 1.
    pub limit: usize,
}

/// From which end places are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Lowest score, or first text, first.
    Up,
    /// Highest score, or last text, first.
    Down,
}

impl Reader {
    /// The documents of these places, and how many entries the list has.
    pub async fn ranks(&self, projection: &'static str, ranks: &Ranks) -> Result<(Vec<Entry>, u64), Error> {
        let Ranks { list, order, skip, limit } = ranks;
        let order = match order {
            Order::Up => "up",
            Order::Down => "down",
        };
        let mut call = VIEWS.call_read("views_ranks", &[keys::live(projection)]);
        call.arg(keys::generations(projection)).arg(list).arg(order).arg(*skip).arg(*limit);
        let found: Option<(u64, Vec<StoredEntry>)> = self.connections.call_read("reading places", &call).await?;
        let (total, found) = found.ok_or_else(|| no_live_generation(projection))?;
        Ok((found.into_iter().map(entry).collect::<Result<_, _>>()?, total))
    }

    /// The documents that are found in this index under a text with this beginning, each once.
    pub async fn find(
        &self,
        projection: &'static str,
        index: &str,
        beginning: &str,
        limit: usize,
    ) -> Result<Vec<Document>, Error> {
        let mut call = VIEWS.call_read("views_find", &[keys::live(projection)]);
        call.arg(keys::generations(projection)).arg(index).arg(beginning).arg(limit);
        let found: Option<Vec<StoredEntry>> = self.connections.call_read("finding documents", &call).await?;
        let found = found.ok_or_else(|| no_live_generation(projection))?;
        found.into_iter().map(|stored| entry(stored).map(|entry| entry.document)).collect()
    }
}

fn no_live_generation(projection: &str) -> Error {
    Error::NoLiveGeneration { projection: projection.to_owned() }
}
