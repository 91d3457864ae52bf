//! What operators watch: orders, payments and fulfilments, each as it stands after a change.

use std::collections::BTreeSet;

use read_model::{Document, Reader};
use schemas::{StreamId, Version};

use super::board::Card;
use crate::Error;
use crate::frames::Frame;
use crate::states::{FULFILMENT, ORDERS, PAYMENTS, projection_of};

/// The projections that it is read from.
pub(super) const PROJECTIONS: [&str; 3] = [ORDERS, PAYMENTS, FULFILMENT];

/// How many documents one read brings.
const PAGE: usize = 200;

/// The states of these streams.
pub(super) async fn changed(states: &Reader, streams: &BTreeSet<StreamId>) -> Result<Vec<Card>, Error> {
    let known = |stream| Some((projection_of(stream)?, stream));
    let wanted: Vec<_> = streams.iter().filter_map(known).collect();
    let mut changed = Vec::with_capacity(wanted.len());
    for wanted in wanted.chunks(PAGE) {
        let found = states.documents(wanted).await?;
        for ((_, stream), document) in wanted.iter().zip(found) {
            let Some(Document { version, body: Some(body), .. }) = document else { continue };
            match Frame::snapshot(stream, version, &body, None) {
                Ok(frame) => {
                    changed.push(Card { stream: StreamId::clone(stream), versions: [version, Version::NONE], frame });
                }
                Err(error) => tracing::error!(error = runtime::chain(&error), %stream, "a state cannot be told"),
            }
        }
    }
    Ok(changed)
}
