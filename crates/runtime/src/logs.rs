//! Logs: one line per event on standard output, JSON for machines or pretty for a terminal. A line says in which task and
//! in the course of which request it was written. Panics are logged too.

mod line;
mod scope;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{self, MakeWriter, format};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::{LogFormat, RuntimeConfig};
use line::Line;

pub(crate) use scope::Scope;

/// Installs the log for the whole process. A second call changes nothing.
pub(crate) fn install(config: &RuntimeConfig) {
    let filter = EnvFilter::try_new(&config.log_filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let layer = lines(config.log_format, std::io::stdout).with_filter(filter);
    if tracing_subscriber::registry().with(layer).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// What writes lines of this format.
fn lines<W>(format: LogFormat, to: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match format {
        LogFormat::Json => {
            let line = Line::json(format::json().flatten_event(true));
            fmt::layer().json().event_format(line).with_writer(to).boxed()
        }
        LogFormat::Pretty => {
            let line = Line::text(format::format().with_ansi(std::io::stdout().is_terminal()));
            fmt::layer().event_format(line).with_writer(to).boxed()
        }
    }
}

fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = text.unwrap_or("(no message)");
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(location, "panicked: {message}");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::http::RequestContext;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of one line before any request, one in a task that a request started, and one after it.
    async fn written(format: LogFormat) -> Vec<String> {
        let paper = Paper::default();
        let writer = paper.clone();
        let subscriber = tracing_subscriber::registry().with(lines(format, move || writer.clone()));
        let _guard = tracing::subscriber::set_default(subscriber);
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
        let context = Arc::new(RequestContext { request_id: "r-1".to_owned(), traceparent });
        tracing::info!("before");
        let handler = async {
            let command = crate::tasks::spawn("command", async { tracing::info!(order.id = "o-1", "within") });
            command.await.unwrap();
        };
        Scope::current().request(context).around(handler).await;
        tracing::info!("after");
        let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn a_line_says_to_which_task_and_request_it_belongs_and_no_other_line_does() {
        let lines = written(LogFormat::Json).await;
        let lines: Vec<serde_json::Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [before, within, after] = lines.as_slice() else { panic!("{lines:?}") };
        let fields = ["message", "order.id", "task", "request.id", "trace.id"].map(|name| within[name].as_str());
        let trace = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(fields, [Some("within"), Some("o-1"), Some("command"), Some("r-1"), Some(trace)]);
        assert!([before, after].iter().all(|line| line["task"].is_null() && line["request.id"].is_null()), "{lines:?}");

        let lines = written(LogFormat::Pretty).await;
        let [before, within, after] = lines.as_slice() else { panic!("{lines:?}") };
        let end = format!("within order.id=\"o-1\" task=command request.id=r-1 trace.id={trace}");
        assert!(within.ends_with(&end) && before.ends_with(": before") && after.ends_with(": after"), "{lines:?}");
    }
}
