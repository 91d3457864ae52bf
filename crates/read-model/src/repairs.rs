//! Repairs: documents that are to be made anew from their streams' events, though their versions say that nothing is
//! missing.
//!
//! A request is a word to whoever feeds the generation, and nothing more: it writes no document. That one folds the
//! stream from its first version on, the next time that it comes out of the log, and puts what it came to in the
//! document's place by the call that moves the position. Until then the document shows what it showed.

use std::collections::BTreeSet;

use redis::Pipeline;
use schemas::StreamId;

use crate::{Error, ReadModel, Target};

impl ReadModel {
    /// Asks for these documents to be made anew. Whoever asks has the streams published again from their first version;
    /// again, if that was before the request was heard.
    pub async fn request_repairs(&self, target: &Target, streams: &[StreamId]) -> Result<(), Error> {
        if streams.is_empty() {
            return Ok(());
        }
        let fields: Vec<_> = streams.iter().map(|stream| (stream.as_str(), "1")).collect();
        let mut request = Pipeline::new();
        request.cmd("HSET").arg(target.repairs()).arg(fields).ignore();
        self.connections.write_all("asking for repairs", &request).await
    }

    /// What is asked for in each of these generations, in their order and in one round trip.
    pub async fn repairs(&self, targets: &[Target]) -> Result<Vec<BTreeSet<StreamId>>, Error> {
        let mut look = Pipeline::with_capacity(targets.len());
        for target in targets {
            look.cmd("HKEYS").arg(target.repairs());
        }
        let found: Vec<Vec<String>> = self.connections.read_all("looking for repairs to make", &look).await?;
        let streams = |names: Vec<String>| names.iter().filter_map(|stream| StreamId::parse(stream).ok()).collect();
        Ok(found.into_iter().map(streams).collect())
    }

    /// These were made anew, or are not to be any more.
    pub async fn end_repairs(&self, target: &Target, streams: &[StreamId]) -> Result<(), Error> {
        if streams.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = streams.iter().map(StreamId::as_str).collect();
        let mut end = Pipeline::new();
        end.cmd("HDEL").arg(target.repairs()).arg(names).ignore();
        self.connections.write_all("ending repairs", &end).await
    }
}
