//! What can go wrong while a process starts or serves.

use std::net::SocketAddr;

/// A failure of the runtime itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address could not be listened on.
    #[error("cannot listen on {address}; is another process using it?")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The listener failed while serving.
    #[error("the server on {address} stopped")]
    Serve {
        /// Where.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Signals cannot be listened to.
    #[error("cannot listen for signals")]
    Signals {
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The asynchronous runtime could not be built.
    #[error("cannot start the worker threads")]
    Threads {
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Traces cannot be exported.
    #[error("cannot export traces; look at OTEL_EXPORTER_OTLP_ENDPOINT")]
    Traces {
        /// What the exporter or its HTTP client said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The metrics recorder could not be installed.
    #[error("cannot install the metrics recorder")]
    Metrics {
        /// What the exporter said.
        source: metrics_exporter_prometheus::BuildError,
    },
}

impl Error {
    /// Traces cannot be exported, for this reason.
    pub(crate) fn traces(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Traces { source: Box::new(source) }
    }
}

/// An error and everything beneath it, on one line, outermost first: for logs.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    joined(error, ": ")
}

/// The same with a line for each cause: for whoever sits at a terminal.
#[must_use]
pub fn chain_in_lines(error: &dyn std::error::Error) -> String {
    joined(error, "\n  because: ")
}

fn joined(error: &dyn std::error::Error, between: &str) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(between);
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
