//! Lines as `tracing` formats them, with the [`Scope`] in which they are written at their end.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::scope::Scope;

/// A line of this format, and how one more field is added to it.
#[derive(Debug)]
pub(super) struct Line<F> {
    format: F,
    /// What a line ends with, behind its fields.
    end: &'static str,
    field: fn(&mut Writer<'_>, &str, &str) -> fmt::Result,
}

impl<F> Line<F> {
    /// A line of JSON: an object.
    pub(super) fn json(format: F) -> Self {
        Self { format, end: "}", field: |to, name, value| write!(to, ",\"{name}\":\"{value}\"") }
    }

    /// A line for people.
    pub(super) fn text(format: F) -> Self {
        Self { format, end: "", field: |to, name, value| write!(to, " {name}={value}") }
    }
}

impl<S, N, F> FormatEvent<S, N> for Line<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        to.write_str(line.trim_end().strip_suffix(self.end).ok_or(fmt::Error)?)?;
        Scope::current().tell(|name, value| (self.field)(&mut to, name, value))?;
        writeln!(to, "{}", self.end)
    }
}
