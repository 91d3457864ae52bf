//! Reads that never answer older than the tokens of their question.
//!
//! A token constrains an answer if a projection that the answer comes from is folded from the token's stream; any other
//! token says nothing about it. What is checked are versions that are read before the answer, for documents in the same
//! round trip: every write moves a document and its lists in one atomic step, so a list read later contains the document.

use axum::http::StatusCode;
use read_model::{Awaited, Document, Waited};
use runtime::clock::{self, Instant};
use runtime::problem::Problem;
use schemas::{StreamId, Version};
use views::Projection;

use crate::App;
use crate::app::unreadable;
use crate::metrics;
use crate::terms::{Terms, Token};

/// A document that an answer is made of.
pub(crate) type Wanted<'a> = (Projection, &'a StreamId);

/// A token and the projection that must have reached it.
struct Demand<'a> {
    projection: Projection,
    token: &'a Token,
}

impl App {
    /// These documents, in their order, none older than a token demands: waits for that as long as the terms allow.
    pub(crate) async fn documents(
        &self,
        wanted: &[Wanted<'_>],
        terms: &Terms,
    ) -> Result<Vec<Option<Document>>, Problem> {
        self.documents_beside(wanted, &[], terms).await
    }

    /// The same, once these other projections have reached what the tokens demand of them, too: all in one wait.
    pub(crate) async fn documents_beside(
        &self,
        wanted: &[Wanted<'_>],
        others: &[Projection],
        terms: &Terms,
    ) -> Result<Vec<Option<Document>>, Problem> {
        let over: Vec<_> = wanted.iter().map(|(projection, _)| *projection).chain(others.iter().copied()).collect();
        self.consistent(wanted, &demands(&over, terms), terms).await
    }

    /// Waits until these projections have reached what the tokens demand, as long as the terms allow.
    pub(crate) async fn reached(&self, over: &[Projection], terms: &Terms) -> Result<(), Problem> {
        let demands = demands(over, terms);
        if !demands.is_empty() {
            self.consistent(&[], &demands, terms).await?;
        }
        Ok(())
    }

    /// The wanted documents, from a read that meets every demand.
    async fn consistent(
        &self,
        wanted: &[Wanted<'_>],
        demands: &[Demand<'_>],
        terms: &Terms,
    ) -> Result<Vec<Option<Document>>, Problem> {
        // A write may come in between two documents of one read. So what tells whether a demand is met is read first: what
        // is answered is then as new, or newer.
        let demanded = demands.iter().map(|demand| (demand.projection, &demand.token.stream));
        let all: Vec<_> =
            demanded.chain(wanted.iter().copied()).map(|(projection, s)| (projection.name(), s)).collect();
        if demands.is_empty() {
            return self.reader.documents(&all).await.map_err(|error| unreadable(&error));
        }
        let begun = clock::monotonic();
        let mut found = Vec::new();
        for (index, demand) in demands.iter().enumerate() {
            found = self.awaited(&all, index, demand, begun + terms.wait()).await?;
        }
        metrics::WAIT_SECONDS.record(begun.elapsed().as_secs_f64());
        let answered = found.split_off(demands.len().min(found.len()));
        match demands.iter().zip(&found).find(|(demand, held)| version(held.as_ref()) < demand.token.version) {
            Some((demand, _)) => Err(behind(demand)),
            None => Ok(answered),
        }
    }

    /// All documents, read when the one at `index` meets the demand.
    async fn awaited(
        &self,
        all: &[(&'static str, &StreamId)],
        index: usize,
        demand: &Demand<'_>,
        deadline: Instant,
    ) -> Result<Vec<Option<Document>>, Problem> {
        let Demand { projection, token } = demand;
        let awaited = Awaited { projection: projection.name(), stream: &token.stream, version: token.version };
        let read = || async {
            let found = self.reader.documents(all).await?;
            let version = version(found.get(index).and_then(Option::as_ref));
            Ok((version, found))
        };
        let left = deadline.saturating_duration_since(clock::monotonic());
        match self.notices.wait_for(awaited, left, read).await {
            Ok(Waited::Reached(found)) => Ok(found),
            Ok(Waited::Behind(_)) => Err(behind(demand)),
            Err(error) => Err(unreadable(&error)),
        }
    }
}

/// What these tokens demand of an answer that comes from these projections.
fn demands<'a>(over: &[Projection], terms: &'a Terms) -> Vec<Demand<'a>> {
    let pairs = terms.tokens.iter().flat_map(|token| over.iter().map(move |projection| (*projection, token)));
    let folded = pairs.filter(|(projection, token)| projection.aggregate() == token.stream.aggregate());
    folded.map(|(projection, token)| Demand { projection, token }).collect()
}

/// Whether any token constrains an answer that comes from these projections.
pub(crate) fn is_constrained(over: &[Projection], terms: &Terms) -> bool {
    !demands(over, terms).is_empty()
}

fn version(document: Option<&Document>) -> Version {
    document.map_or(Version::NONE, |document| document.version)
}

fn behind(demand: &Demand<'_>) -> Problem {
    metrics::BEHIND.add(1);
    let detail = format!(
        "The view of {} has not reached the version that the consistency token names; ask again, or allow a longer \
         wait with `Prefer: wait=10`",
        demand.projection.name()
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "projection_behind", detail).retry_after(1)
}
