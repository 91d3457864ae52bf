//! Traces: one command's way through every process, as spans that are exported by OTLP where
//! `OTEL_EXPORTER_OTLP_ENDPOINT` is set.
//!
//! What carries a trace on is the W3C trace context that commits, records and feed entries hold anyway. Whether a trace
//! is recorded is decided once, where a request comes in; from there on the context says so. Where nothing is exported,
//! and for a trace that is not recorded, every span here is nothing: no allocation, no clock, no text.

mod batch;
mod export;
mod sampling;

use std::borrow::Cow;
use std::sync::OnceLock;

use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace as sdk;

pub use batch::Batch;
pub(crate) use export::{Exporter, METRICS};
pub use opentelemetry::Value;
pub use opentelemetry::trace::SpanKind as Kind;
pub use sampling::Sampler;
use sampling::Sampling;

/// What records the spans of this process, if anything does.
static RECORDER: OnceLock<Recorder> = OnceLock::new();

#[derive(Debug)]
struct Recorder {
    tracer: sdk::SdkTracer,
    sampling: Sampling,
}

/// A part of a trace that is recorded, or nothing. It ends when it is dropped.
#[derive(Debug, Default)]
pub struct Span(Option<Box<sdk::Span>>);

impl Span {
    /// Begins a span below this trace context; nothing, if that is missing, malformed or not recorded.
    #[must_use]
    pub fn below(parent: Option<&str>, kind: Kind, name: &'static str) -> Self {
        Self::named(parent, kind, || name.into())
    }

    /// The same under a name that is made only if it is needed.
    pub(crate) fn named(parent: Option<&str>, kind: Kind, name: impl FnOnce() -> Cow<'static, str>) -> Self {
        let (Some(recorder), Some(parent)) = (RECORDER.get(), parent) else { return Self(None) };
        recorded(parent).map_or_else(Self::default, |parent| recorder.below(parent, kind, name()))
    }

    /// The trace context of whatever follows from this span.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        use opentelemetry::trace::Span as _;
        let context = self.0.as_ref()?.span_context();
        Some(format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags()))
    }

    /// What this context is handed on with follows from this span; where that is nothing, from what it followed before.
    pub fn lead(&self, context: &mut Option<Box<str>>) {
        if let Some(own) = self.traceparent() {
            *context = Some(own.into());
        }
    }

    /// Says something about it; the value is made only if it is needed.
    pub fn set<V: Into<Value>>(&mut self, key: &'static str, value: impl FnOnce() -> V) {
        use opentelemetry::trace::Span as _;
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(key, value()));
        }
    }

    /// It did not come to a good end.
    pub fn failed(&mut self, why: &'static str) {
        use opentelemetry::trace::Span as _;
        if let Some(span) = &mut self.0 {
            span.set_status(Status::error(why));
        }
    }

    /// Names another trace that this span has to do with.
    fn link(&mut self, to: SpanContext) {
        use opentelemetry::trace::Span as _;
        if let Some(span) = &mut self.0 {
            span.add_link(to, Vec::new());
        }
    }
}

impl Recorder {
    fn below(&self, parent: SpanContext, kind: Kind, name: Cow<'static, str>) -> Span {
        self.begin(&Context::new().with_remote_span_context(parent), kind, name)
    }

    /// The first span of a trace of its own.
    fn root(&self, kind: Kind, name: Cow<'static, str>) -> Span {
        self.begin(&Context::new(), kind, name)
    }

    fn begin(&self, parent: &Context, kind: Kind, name: Cow<'static, str>) -> Span {
        let begun = self.tracer.build_with_context(self.tracer.span_builder(name).with_kind(kind), parent);
        Span(Some(Box::new(begun)))
    }
}

/// The trace context of a request, with the decision in it whether its trace is recorded. Where nothing is exported it
/// stays as it is.
pub(crate) fn decide(traceparent: String) -> String {
    match RECORDER.get() {
        Some(recorder) => recorder.sampling.decide(traceparent),
        None => traceparent,
    }
}

/// The span that this trace context names, if it is well formed and recorded.
fn recorded(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (Some("00"), Some(trace), Some(span), Some(flags), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    // The parser of ids takes short ones, too.
    let is_whole = (trace.len(), span.len(), flags.len()) == (32, 16, 2);
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    if !is_whole || !flags.is_sampled() {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn only_a_well_formed_context_of_a_recorded_trace_is_gone_on_from() {
        let context = recorded(TRACE).unwrap();
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!((context.span_id().to_string().as_str(), context.is_remote()), ("b7ad6b7169203331", true));
        let unrecorded = TRACE.replace("-01", "-00");
        let zero = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        for other in [&*unrecorded, zero, "", "00-1-2-01", "01-x", &format!("{TRACE}-more")] {
            assert_eq!(recorded(other), None, "{other}");
        }
    }

    #[test]
    fn where_nothing_is_exported_a_span_is_nothing_and_the_context_goes_on_unchanged() {
        let mut span = Span::below(Some(TRACE), Kind::Client, "commit");
        span.set("stream", || -> &'static str { unreachable!("nobody asks for it") });
        let mut context = Some(TRACE.into());
        span.lead(&mut context);
        assert_eq!((span.traceparent(), context.as_deref()), (None, Some(TRACE)));
        assert_eq!(decide(TRACE.to_owned()), TRACE);
    }
}
