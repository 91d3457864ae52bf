//! The spans of work on a batch of events.

use std::time::Duration;

use super::{Kind, RECORDER, Recorder, Span, recorded};
use crate::clock;

/// By what age an event is not news any more: whoever works on it then replays, or catches up after an outage.
const NEWS: Duration = Duration::from_secs(60);

/// The spans of one batch: one below the trace of each event that is news, and one of its own for all others together,
/// which is only linked to theirs. So a replay adds nothing to traces that ended long ago, and costs one span a batch.
#[derive(Debug)]
pub struct Batch {
    recorder: Option<&'static Recorder>,
    kind: Kind,
    name: &'static str,
    /// Events from before this are no news.
    news_since_micros: i64,
    news: Vec<Span>,
    replayed: Option<Span>,
}

impl Batch {
    /// A batch of such work, which begins now.
    #[must_use]
    pub fn begin(kind: Kind, name: &'static str) -> Self {
        let recorder = RECORDER.get();
        let now_micros = recorder.map_or(0, |_| clock::now_micros());
        Self::of(recorder, kind, name, now_micros)
    }

    fn of(recorder: Option<&'static Recorder>, kind: Kind, name: &'static str, now_micros: i64) -> Self {
        let news = i64::try_from(NEWS.as_micros()).unwrap_or(i64::MAX);
        let news_since_micros = now_micros.saturating_sub(news);
        Self { recorder, kind, name, news_since_micros, news: Vec::new(), replayed: None }
    }

    /// An event of the batch: the trace context that it came with, and when it happened. Returns its span, if it has one
    /// of its own: whatever follows from the event is below that.
    pub fn add(&mut self, context: Option<&str>, at_micros: i64) -> Option<&mut Span> {
        let (recorder, origin) = (self.recorder?, recorded(context?)?);
        let (kind, name) = (self.kind.clone(), self.name.into());
        if at_micros >= self.news_since_micros {
            self.news.push(recorder.below(origin, kind, name));
            return self.news.last_mut();
        }
        let replayed = self.replayed.get_or_insert_with(|| {
            let mut span = recorder.root(kind, name);
            span.set("orderflow.replay", || true);
            span
        });
        replayed.link(origin);
        None
    }

    /// It did not come to a good end.
    pub fn failed(&mut self, why: &'static str) {
        self.news.iter_mut().chain(&mut self.replayed).for_each(|span| span.failed(why));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};

    use super::super::{Sampler, Sampling};
    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    fn context(trace: u8, flags: &str) -> String {
        format!("00-{trace:032x}-b7ad6b7169203331-{flags}")
    }

    #[test]
    fn news_goes_on_in_its_trace_and_what_is_replayed_is_only_linked_to_it() {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
        let sampling = Sampling::new(Sampler::AlwaysOn, 1.0);
        let recorder = Box::leak(Box::new(Recorder { tracer: provider.tracer("test"), sampling }));

        let (now, old) = (1_700_000_000_000_000, 1_600_000_000_000_000);
        let mut batch = Batch::of(Some(recorder), Kind::Consumer, "project", now);
        let led = batch.add(Some(&context(1, "01")), now - 1).unwrap().traceparent().unwrap();
        for (trace, flags) in [(2, "01"), (3, "00"), (4, "01")] {
            assert!(batch.add(Some(&context(trace, flags)), old).is_none());
        }
        assert!(batch.add(Some(&context(5, "00")), now).is_none() && batch.add(None, now).is_none());
        assert!(kept.0.lock().unwrap().is_empty(), "they end with the batch");
        drop(batch);

        let spans = kept.0.lock().unwrap().clone();
        let [news, replayed] = <[SpanData; 2]>::try_from(spans).unwrap();
        let own = &news.span_context;
        assert_eq!(led, format!("00-{}-{}-01", own.trace_id(), own.span_id()));
        assert_eq!((own.trace_id().to_string(), news.links.len()), (format!("{:032x}", 1), 0));
        assert_eq!(news.parent_span_id.to_string(), "b7ad6b7169203331");
        let links: Vec<_> = replayed.links.iter().map(|link| link.span_context.trace_id().to_string()).collect();
        assert_eq!(links, [2, 4].map(|trace| format!("{trace:032x}")));
        assert!(
            ![1, 2, 4].map(|trace| format!("{trace:032x}")).contains(&replayed.span_context.trace_id().to_string())
        );
    }
}
