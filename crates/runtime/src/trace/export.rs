//! The way out: spans are collected in memory, bounded, and sent as OTLP over HTTP by a thread of their own. What cannot be
//! delivered is dropped and counted; no work ever waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use tokio::runtime::Handle;

use super::{RECORDER, Recorder, Sampling};
use crate::config::TraceConfig;
use crate::metrics::{Metric, Unit};
use crate::{Error, Process};

/// How long one delivery may take.
const DELIVER_WITHIN: Duration = Duration::from_secs(10);
/// How long the end of the process waits for the last one.
const FAREWELL: Duration = Duration::from_secs(2);

const UNDELIVERED: Metric = Metric::counter(
    "trace_exports_failed_total",
    Unit::Count,
    "Batches of spans that the OTLP receiver did not take; they are lost.",
);

/// The metrics of traces.
pub(crate) const METRICS: &[Metric] = &[UNDELIVERED];

/// What sends this process's spans.
#[derive(Debug)]
pub(crate) struct Exporter(SdkTracerProvider);

impl Exporter {
    /// Begins to record, if there is somewhere to send to. Must be called on the asynchronous runtime.
    pub(crate) fn start(config: &TraceConfig, process: &Process) -> Result<Option<Self>, Error> {
        let Some(endpoint) = &config.endpoint else { return Ok(None) };
        let client = Client {
            http: reqwest::Client::builder().timeout(DELIVER_WITHIN).build().map_err(Error::traces)?,
            runtime: Handle::current(),
            failing: AtomicBool::new(false),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .map_err(Error::traces)?;
        let instance = KeyValue::new("service.instance.id", process.instance.to_string());
        let resource = Resource::builder().with_service_name(process.name).with_attribute(instance);
        let collecting =
            BatchConfigBuilder::default().with_scheduled_delay(Duration::from_millis(config.collect_millis));
        let collector = BatchSpanProcessor::builder(exporter).with_batch_config(collecting.build()).build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_sampler(Sampler::AlwaysOn)
            .with_span_processor(collector)
            .build();
        let sampling = Sampling::new(config.sampler, config.ratio);
        // A second process in this one, as in tests, records by the settings of the first.
        let _ = RECORDER.set(Recorder { tracer: provider.tracer("orderflow"), sampling });
        Ok(Some(Self(provider)))
    }

    /// Sends what is left, for a moment.
    pub(crate) async fn finish(self) {
        // It blocks, and waits for a thread that needs this runtime.
        let last = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FAREWELL));
        if let Ok(Err(error)) = last.await {
            tracing::warn!(%error, "the last spans were not delivered");
        }
    }
}

/// The HTTP client that everything else uses, for a thread that is none of the runtime's.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
    failing: AtomicBool,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sending = send(self.http.clone(), request);
        let sent = self.runtime.spawn(sending).await.map_err(HttpError::from).flatten();
        let failed = !sent.as_ref().is_ok_and(|response| response.status().is_success());
        if failed {
            UNDELIVERED.add(1);
        }
        if self.failing.swap(failed, Ordering::Relaxed) != failed {
            match &sent {
                Err(error) => tracing::warn!(%error, "spans cannot be delivered, and are lost until they can"),
                Ok(response) => {
                    tracing::warn!(status = %response.status(), "the OTLP receiver answers {}", response.status())
                }
            }
        }
        sent
    }
}

async fn send(http: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let answer = http.execute(request.try_into()?).await?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(answer.headers());
    }
    Ok(response.body(answer.bytes().await?)?)
}
