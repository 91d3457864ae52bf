//! A receiver of traces, by OTLP over HTTP, for the system that the tests share.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::Message as _;
use stack::Traces;

/// The first 16 digits of an id that is traced: the second half decides, and so no other request is.
const FIRST_HALF: u64 = 0x4bf9_2f35_77b3_4da6;

/// Holds every span that it was sent.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    spans: Spans,
}

type Spans = Arc<Mutex<Vec<Span>>>;

/// A span, as far as tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    /// The kind of process that it is from.
    pub(crate) process: String,
    attributes: Vec<(String, String)>,
    /// From when until when, in nanoseconds.
    pub(crate) time: (u64, u64),
}

impl Span {
    pub(crate) fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

impl Receiver {
    /// The one of this test binary, on a thread of its own: it outlives the test that asks first.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<Receiver> = LazyLock::new(Receiver::start);
        &SHARED
    }

    fn start() -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("its address");
        let spans = Spans::default();
        let router = Router::new().route("/v1/traces", post(receive)).with_state(Arc::clone(&spans));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                axum::serve(listener, router).await
            })
        });
        Self { address, spans }
    }

    /// What processes are told so that they send here the traces that tests ask for, and no other.
    pub(crate) fn settings(&self) -> Traces {
        Traces {
            otel_exporter_otlp_endpoint: Some(format!("http://{}", self.address)),
            otel_traces_sampler: Some("traceidratio".to_owned()),
            otel_traces_sampler_arg: Some("0.0000001".to_owned()),
            otel_bsp_schedule_delay: Some("100".to_owned()),
        }
    }

    /// The id of a trace that is recorded.
    pub(crate) fn recorded(number: u32) -> String {
        format!("{FIRST_HALF:016x}{number:016x}")
    }

    /// The spans of this trace that have come in so far.
    pub(crate) fn spans(&self, trace: &str) -> Vec<Span> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.iter().filter(|span| span.trace == trace).cloned().collect()
    }

    /// How many traces there were at all.
    pub(crate) fn traces(&self) -> usize {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.iter().map(|span| &span.trace).collect::<std::collections::BTreeSet<_>>().len()
    }
}

async fn receive(State(spans): State<Spans>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let new = request.resource_spans.into_iter().flat_map(|resource| {
        let of_process = resource.resource.map(|resource| attributes(&resource.attributes)).unwrap_or_default();
        let process = of_process.into_iter().find(|(key, _)| key == "service.name").map(|(_, name)| name);
        let process = process.unwrap_or_default();
        resource.scope_spans.into_iter().flat_map(|scope| scope.spans).map(move |span| read(span, &process))
    });
    spans.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
    StatusCode::OK
}

fn read(span: otlp::Span, process: &str) -> Span {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Span {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        attributes: attributes(&span.attributes),
        process: process.to_owned(),
        time: (span.start_time_unix_nano, span.end_time_unix_nano),
        name: span.name,
    }
}

fn attributes(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let text = |value: &any_value::Value| {
        if let any_value::Value::StringValue(text) = value { text.clone() } else { number(value).unwrap_or_default() }
    };
    let value = |pair: &KeyValue| pair.value.as_ref().and_then(|value| value.value.as_ref()).map(text);
    attributes.iter().filter_map(|pair| Some((pair.key.clone(), value(pair)?))).collect()
}

fn number(value: &any_value::Value) -> Option<String> {
    let any_value::Value::IntValue(number) = value else { return None };
    Some(number.to_string())
}
