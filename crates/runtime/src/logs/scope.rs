//! What log lines belong to: a task, and a request. It is remembered along the way and written only with a line, because
//! hardly any request has one.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::http::RequestContext;

tokio::task_local! {
    static SCOPE: Scope;
}

/// Where we are. Tasks hand it on to those that they spawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    task: Option<&'static str>,
    request: Option<Arc<RequestContext>>,
}

impl Scope {
    /// Where the caller is.
    pub(crate) fn current() -> Self {
        SCOPE.try_with(Self::clone).unwrap_or_default()
    }

    /// In a task of this name.
    pub(crate) fn task(self, name: &'static str) -> Self {
        Self { task: Some(name), ..self }
    }

    /// In the course of this request.
    pub(crate) fn request(self, request: Arc<RequestContext>) -> Self {
        Self { request: Some(request), ..self }
    }

    /// The future, with every line that it writes in here.
    pub(crate) fn around<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        SCOPE.scope(self, future)
    }

    /// Tells `field` the names and values of what it holds. None of them needs to be escaped anywhere: the names of tasks
    /// are ours, and ids are checked or made.
    pub(super) fn tell(&self, mut field: impl FnMut(&str, &str) -> fmt::Result) -> fmt::Result {
        if let Some(task) = self.task {
            field("task", task)?;
        }
        if let Some(request) = &self.request {
            field("request.id", &request.request_id)?;
            field("trace.id", request.trace_id())?;
        }
        Ok(())
    }
}
