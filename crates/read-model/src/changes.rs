//! Which documents of some projections change, as they change: for whoever shows them live.
//!
//! Nothing is kept and nothing is promised but this: after [`Change::Everything`] every change is told, or there is
//! another [`Change::Everything`]. So whoever reads everything then, and what changed from then on, never misses a
//! change. Only the generation that is served counts: filling another one beside it changes nothing that is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use redis::{Msg, Pipeline};
use runtime::backoff::Backoff;
use schemas::StreamId;

use crate::connection::Connections;
use crate::subscription::{Subscription, applied};
use crate::{Error, Generation, ReadModel, keys};

/// How many notices are told in one go.
const MOST_NOTICES: usize = 1_000;

/// An ear for what is applied to some projections. It has a connection of its own, while it is asked.
#[derive(Debug)]
pub struct Changes {
    connections: Connections,
    projections: &'static [&'static str],
    subscription: Option<Subscription>,
    /// The generation of each projection that is served, as of the last look.
    served: Vec<Option<Generation>>,
    backoff: Backoff,
}

/// What to read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Everything: what happened until now is unknown.
    Everything,
    /// The documents of these streams.
    Streams(BTreeSet<StreamId>),
}

impl ReadModel {
    /// An ear for these projections. The first thing that it hears is [`Change::Everything`].
    #[must_use]
    pub fn changes(&self, projections: &'static [&'static str]) -> Changes {
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
        let connections = self.connections.clone();
        Changes { connections, projections, subscription: None, served: Vec::new(), backoff }
    }
}

impl Changes {
    /// What changed since the last time; waits for it, also while Redis is away. To be dropped only with the ear: what
    /// a dropped future has heard is lost.
    pub async fn next(&mut self) -> Change {
        loop {
            match self.listen().await {
                Ok(change) => {
                    self.backoff.reset();
                    return change;
                }
                Err(error) => {
                    self.subscription = None;
                    tracing::debug!(error = runtime::chain(&error), "cannot hear of changes; listening again");
                    self.backoff.wait().await;
                }
            }
        }
    }

    async fn listen(&mut self) -> Result<Change, Error> {
        loop {
            let Some(subscription) = &mut self.subscription else {
                let patterns: Vec<_> =
                    self.projections.iter().map(|projection| keys::all_applied(projection)).collect();
                let subscribed = Subscription::to(&self.connections, &patterns).await;
                self.subscription = Some(subscribed.map_err(|source| Error::of("subscribing to notices", source))?);
                self.served = self.served_now().await?;
                return Ok(Change::Everything);
            };
            let notices = heard(subscription).await?;
            let served = self.served_now().await?;
            let before = std::mem::replace(&mut self.served, served);
            if switched(&before, &self.served) {
                return Ok(Change::Everything);
            }
            let streams = self.changed(&notices);
            if !streams.is_empty() {
                return Ok(Change::Streams(streams));
            }
        }
    }

    /// The streams that these notices name, of generations that are served.
    fn changed(&self, notices: &[Msg]) -> BTreeSet<StreamId> {
        let served: BTreeMap<_, _> = self.projections.iter().copied().zip(&self.served).collect();
        let counts = |notice: &&Msg| {
            let (projection, generation) = keys::of_applied(notice.get_channel_name())?;
            (served.get(projection) == Some(&&Some(generation))).then_some(())
        };
        let notices = notices.iter().filter(|notice| counts(notice).is_some());
        let streams = notices.flat_map(|notice| applied(notice.get_payload_bytes()));
        streams.filter_map(|stream| StreamId::parse(stream).ok()).collect()
    }

    async fn served_now(&self) -> Result<Vec<Option<Generation>>, Error> {
        let mut commands = Pipeline::with_capacity(self.projections.len());
        for projection in self.projections {
            commands.cmd("GET").arg(keys::live(projection));
        }
        let served: Vec<Option<u32>> =
            self.connections.read_all("reading which generations are live", &commands).await?;
        Ok(served.into_iter().map(|served| served.map(Generation)).collect())
    }
}

/// Whether other documents are served than before. The first generation of a projection has none that were not heard of.
fn switched(before: &[Option<Generation>], now: &[Option<Generation>]) -> bool {
    before.iter().zip(now).any(|(before, now)| before.is_some() && before != now)
}

/// The notices that have arrived, one at least unless the connection was tried meanwhile.
async fn heard(subscription: &mut Subscription) -> Result<Vec<Msg>, Error> {
    let first = subscription.next().await.map_err(|source| Error::of("listening to notices", source))?;
    let mut notices: Vec<_> = first.into_iter().collect();
    while notices.len() < MOST_NOTICES {
        match subscription.arrived() {
            Some(notice) => notices.push(notice),
            None => break,
        }
    }
    Ok(notices)
}
