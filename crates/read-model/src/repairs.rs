//! Repairs: documents that are to be made anew from their streams' events, though their versions say that nothing is
//! missing.
//!
//! A request is a word to whoever feeds the generation, and nothing more: it writes no document. That one folds the
//! stream from its first version on, the next time that it comes out of the log, and puts what it came to in the
//! document's place by the call that moves the position. Until then the document shows what it showed.
//!
//! While a repair is asked for, an event that its document does not take is no poison: the document may be what is wrong. So
//! a request is for a time, and whoever asks renews it: one that was cut short must not keep poison from being seen.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::Pipeline;
use schemas::StreamId;

use crate::{Error, Places, ReadModel, Target};

impl ReadModel {
    /// Asks for these documents to be made anew, and to be found no more at the places where they are [strays](
    /// Self::strays). Whoever asks has the streams published again from their first version; again, if that was before
    /// the request was heard. What was asked for of this generation, now and before, lasts for this long from now.
    pub async fn request_repairs(&self, target: &Target, repairs: &Places, lasts: Duration) -> Result<(), Error> {
        if repairs.is_empty() {
            return Ok(());
        }
        let field = |(stream, strays)| (StreamId::as_str(stream), serde_json::to_string(strays).unwrap_or_default());
        let fields: Vec<_> = repairs.iter().map(field).collect();
        let mut request = Pipeline::new();
        request.atomic();
        request.cmd("HSET").arg(target.repairs()).arg(fields).ignore();
        request.cmd("PEXPIRE").arg(target.repairs()).arg(u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX)).ignore();
        self.connections.write_all("asking for repairs", &request).await
    }

    /// What is asked for in each of these generations, in their order and in one round trip.
    pub async fn repairs(&self, targets: &[Target]) -> Result<Vec<Places>, Error> {
        let mut look = Pipeline::with_capacity(targets.len());
        for target in targets {
            look.cmd("HGETALL").arg(target.repairs());
        }
        let found: Vec<BTreeMap<String, String>> =
            self.connections.read_all("looking for repairs to make", &look).await?;
        let asked = |(stream, strays): (String, String)| {
            Some((StreamId::parse(&stream).ok()?, serde_json::from_str(&strays).ok()?))
        };
        Ok(found.into_iter().map(|fields| fields.into_iter().filter_map(asked).collect()).collect())
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
