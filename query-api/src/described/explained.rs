//! What explanations look like.

use utoipa::ToSchema;

/// How an order came to where it is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Explanation {
    /// The order's id.
    order: String,
    /// From the first event to the last one.
    took_micros: i64,
    /// What happened to the order, its payment and its fulfilment: causes before their effects.
    events: Vec<Passage>,
}

/// One event, and its way to a screen.
#[derive(ToSchema)]
#[schema(as = ExplainedEvent, rename_all = "camelCase")]
pub(crate) struct Passage {
    /// The stream that it belongs to.
    stream: String,
    /// Its place there.
    version: u32,
    /// Its identity.
    id: String,
    /// The record's name: `OrderPlaced`.
    r#type: String,
    /// When it was decided; RFC 3339.
    at: String,
    /// How many causes stand above it here; 0 is what a command alone caused.
    depth: usize,
    /// The event that caused it.
    causation: Option<String>,
    /// Microseconds after its cause; null if that is not among these events.
    after_micros: Option<i64>,
    /// The request that it all began with.
    correlation: String,
    /// Where it came by since.
    hops: Vec<Hop>,
}

/// An event came by somewhere for the first time.
#[derive(ToSchema)]
#[schema(as = ExplainedHop, rename_all = "camelCase")]
pub(crate) struct Hop {
    /// `log`, the name of a projection, `feed` or `screen`.
    to: String,
    /// When; RFC 3339.
    at: String,
    /// Microseconds after the hop before it: to the log after the decision, to views and feed after the log, to the screen
    /// after the feed.
    after_micros: i64,
}
